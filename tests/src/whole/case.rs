//! What is known of a case from outside, and bodies of commands that fit where it stands.
//!
//! Only the case is known here. Any other kind takes part by the examples of its document.

use anyhow::Context as _;
use serde_json::{Value, json};
use testkit::client::Client;

use super::district::District;
use crate::Randomness;

/// A case as the API shows it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) id: String,
    /// `GET /cases/{case}`.
    pub(super) summary: Value,
    /// Short name and data of every event, in order.
    events: Vec<(String, Value)>,
    /// When the newest event was recorded.
    newest: String,
}

/// What bodies are made of.
#[derive(Debug)]
pub(super) struct Material<'a> {
    pub(super) district: &'a District,
    /// The codes of all matters, with their leads.
    pub(super) matters: &'a [(String, String)],
    pub(super) departments: &'a [String],
    /// Digests of uploaded files.
    pub(super) files: &'a [String],
    /// Other cases.
    pub(super) cases: &'a [String],
    pub(super) chance: &'a mut Randomness,
}

impl Case {
    /// Reads one.
    pub(super) async fn read(http: &Client, auditor: &str, id: &str) -> anyhow::Result<Self> {
        let summary = http.get(auditor, &format!("/cases/{id}")).await?.accepted()?;
        let (mut events, mut newest, mut beyond) = (Vec::new(), String::new(), String::new());
        loop {
            let page = http.get(auditor, &format!("/cases/{id}/history?limit=200{beyond}")).await?.accepted()?;
            for item in page["items"].as_array().context("a history without items")? {
                let event = &item["event"];
                let name = event["type"].as_str().and_then(|name| name.rsplit('.').nth(1)).context("no type")?;
                event["time"].as_str().context("no time")?.clone_into(&mut newest);
                events.push((name.to_owned(), event["data"].clone()));
            }
            let Some(next) = page["next"].as_str() else { break };
            beyond = format!("&beyond={next}");
        }
        Ok(Self { id: id.to_owned(), summary, events, newest })
    }

    pub(super) fn stage(&self) -> &str {
        self.summary["stage"].as_str().unwrap_or_default()
    }

    /// The grid in which it is.
    pub(super) fn grid(&self) -> &str {
        self.summary["grids"][0].as_str().unwrap_or_default()
    }

    /// Its orders that are not returned, of this round of work.
    pub(super) fn orders(&self) -> impl Iterator<Item = &Value> {
        let cycle = &self.summary["cycle"];
        let orders = self.summary["parts"]["orders"].as_array();
        orders.into_iter().flatten().filter(move |order| order["cycle"] == *cycle && order["status"] != "returned")
    }

    /// The newest event of this name.
    fn last(&self, name: &str) -> Option<&Value> {
        self.events.iter().rev().find(|(known, _)| known == name).map(|(_, data)| data)
    }

    /// The events after the newest one of this name.
    fn since(&self, name: &str) -> &[(String, Value)] {
        let after = self.events.iter().rposition(|(known, _)| known == name).map_or(self.events.len(), |at| at + 1);
        self.events.get(after..).unwrap_or_default()
    }

    /// The conclusion of the newest deliberation.
    pub(super) fn conclusion(&self) -> Option<&str> {
        let concluded = self.since("deliberation_opened").iter().find(|(name, _)| name == "deliberation_concluded");
        concluded.and_then(|(_, data)| data["conclusion"].as_str())
    }

    /// Whether a meeting of the newest deliberation came to something.
    pub(super) fn has_met(&self) -> bool {
        self.since("deliberation_opened").iter().any(|(name, data)| name == "meeting_held" && data["kind"] != "review")
    }

    pub(super) fn was_filed(&self) -> bool {
        self.last("case_filed").is_some()
    }

    fn next_round(&self, kind: &str) -> usize {
        let held = self
            .since("deliberation_opened")
            .iter()
            .filter(|(name, data)| name == "meeting_held" && data["kind"] == kind);
        held.count() + 1
    }

    fn proposal_version(&self) -> usize {
        self.since("deliberation_opened").iter().filter(|(name, _)| name == "proposal_revised").count()
    }

    /// Commands that its stage takes, the likelier ones more often.
    pub(super) fn taken(&self) -> &'static [&'static str] {
        match self.stage() {
            "discovered" => &["register-issue", "register-issue", "register-issue", "merge-issue", "void-issue"],
            "registered" => &[
                "handle-in-grid",
                "open-deliberation",
                "open-deliberation",
                "escalate-issue",
                "escalate-issue",
                "merge-issue",
            ],
            "grid_handling" => {
                &["handle-in-grid", "handle-in-grid", "record-progress", "hold-meeting", "open-deliberation"]
            }
            "deliberating" => &[
                "hold-meeting",
                "hold-meeting",
                "revise-proposal",
                "conclude-deliberation",
                "handle-in-grid",
                "escalate-issue",
            ],
            "escalated" => &["file-case", "file-case", "refuse-filing"],
            "not_filed" => &["escalate-issue", "record-feedback", "close-case", "open-deliberation"],
            "filed" => &["dispatch-case"],
            "dispatched" | "return_review" | "in_disposal" | "rework" => &[
                "accept-order",
                "accept-order",
                "request-return",
                "decide-return",
                "record-progress",
                "submit-disposal",
                "submit-disposal",
                "submit-disposal",
            ],
            "disposed" => &["verify-case", "verify-case", "hold-meeting"],
            "callback" => &["record-feedback", "record-feedback", "close-case", "reopen-case", "hold-meeting"],
            "closed" => &["reopen-case", "record-feedback"],
            "reopened" => &["dispatch-case", "open-deliberation", "escalate-issue", "handle-in-grid"],
            "merged" => &["record-feedback", "reopen-case"],
            _ => &[],
        }
    }

    /// A body for a command on this case; none for a command that nothing is known of.
    pub(super) fn body(&self, verb: &str, of: &mut Material<'_>) -> Option<Value> {
        let body = match verb {
            "register-issue" => {
                json!({ "matter": of.matter(), "handling": "promised", "urgency": of.one(&["ordinary", "ordinary", "urgent"]) })
            }
            "merge-issue" => json!({ "into": of.other_case(), "reason": of.text("同一件事") }),
            "void-issue" | "refuse-filing" => json!({ "reason": of.text("不属于") }),
            "handle-in-grid" => self.grid_work(of),
            "open-deliberation" => self.deliberation(of),
            "hold-meeting" => self.meeting(of),
            "revise-proposal" => self.proposal(of),
            "conclude-deliberation" => {
                let conclusion = of.one(&["agreed", "escalate", "explain"]);
                json!({ "conclusion": conclusion, "summary": of.text("结论") })
            }
            "escalate-issue" => {
                let waiver = of.chance.happens(60).then(|| of.text("免议"));
                json!({ "reason": of.text("需部门处置"), "waiver": waiver })
            }
            "file-case" => json!({ "criteria": of.criteria() }),
            "dispatch-case" => self.dispatch(of),
            "accept-order" => json!({ "order": self.order(of, &["sent"])? }),
            "request-return" => json!({
                "order": self.order(of, &["sent", "accepted"])?, "reason": of.one(&["not_our_matter", "unclear"]),
                "legal_basis": of.text("清单"), "explanation": of.text("不归我们"),
            }),
            "decide-return" => json!({
                "order": self.order(of, &["return_review"])?, "decision": of.one(&["approve", "refuse"]), "reason": of.text("已核对"),
            }),
            "record-progress" => self.progress(of),
            "submit-disposal" => json!({
                "order": self.order(of, &["accepted", "rework"])?, "outcome": of.one(&["done", "done", "impossible"]),
                "result": of.text("结果"), "evidence": [of.file()],
            }),
            "verify-case" => {
                json!({ "passed": of.chance.happens(70), "findings": of.text("现场"), "evidence": [of.file()] })
            }
            "record-feedback" => feedback(of),
            "close-case" => close(of),
            "reopen-case" => {
                json!({ "cause": of.one(&["recurred", "finder_dissatisfied"]), "reason": of.text("又来了") })
            }
            _ => return None,
        };
        Some(body)
    }

    /// The body that takes the open work of the grid to its end.
    pub(super) fn grid_work_done(&self, of: &mut Material<'_>) -> Value {
        let started = self.last("grid_handling_started").filter(|_| self.stage() == "grid_handling");
        let (executors, work) = match started {
            Some(started) => (started["executors"].clone(), started["work"].clone()),
            None => (json!([{ "kind": "grid_team", "name": "网格队伍" }]), json!(of.text("整治"))),
        };
        let done = json!({ "result": of.text("已完成"), "evidence": [of.file()] });
        json!({ "executors": executors, "work": work, "done": done })
    }

    fn grid_work(&self, of: &mut Material<'_>) -> Value {
        let mut work = self.grid_work_done(of);
        if of.chance.happens(40) {
            work["done"] = Value::Null;
        }
        work
    }

    fn deliberation(&self, of: &mut Material<'_>) -> Value {
        let bound = self.last("deliberation_opened").is_some();
        let rule = (!bound && of.chance.happens(40)).then(|| of.chance.pick(&of.district.consent_rules).clone());
        let seat = json!({ "class": "owners_committee", "holder": "业委会" });
        json!({ "topic": of.text("怎么办"), "roster": { "convener": "书记", "fixed": [seat] }, "consent_rule": rule })
    }

    /// The same without a rule of its own.
    pub(super) fn plain_deliberation(&self, of: &mut Material<'_>) -> Value {
        let mut opened = self.deliberation(of);
        opened["consent_rule"] = Value::Null;
        opened
    }

    /// The next meeting of that kind.
    pub(super) fn next_meeting(&self, kind: &str, of: &mut Material<'_>) -> Value {
        json!({
            "kind": kind,
            "round": self.next_round(kind),
            "held_at": self.newest,
            "attendance": [{ "class": "居民代表", "present": of.chance.below(50) }],
            "minutes": of.file(),
            "results": [of.text("再议")],
        })
    }

    fn meeting(&self, of: &mut Material<'_>) -> Value {
        let kind = if self.stage() == "deliberating" {
            of.one(&["hearing", "coordination"])
        } else {
            of.one(&["coordination", "review"])
        };
        let mut meeting = self.next_meeting(kind, of);
        if kind == "review" {
            meeting["score"] = json!(of.chance.below(101));
        }
        if self.stage() == "deliberating" && self.proposal_version() > 0 && of.chance.happens(60) {
            let agreed = of.chance.below(101);
            meeting["consent"] = json!({
                "electorate": 120, "invited": 120, "reached": 110, "participated": 100, "agreed": agreed, "opposed": 100 - agreed,
            });
        }
        meeting
    }

    fn proposal(&self, of: &mut Material<'_>) -> Value {
        let topics = [json!({ "name": "收费", "agreed": of.chance.happens(70) })];
        json!({ "version": self.proposal_version() + 1, "text": of.text("方案"), "topics": topics })
    }

    /// To the lead that the catalogue names.
    pub(super) fn dispatch(&self, of: &mut Material<'_>) -> Value {
        let lead = of.matters.iter().find(|(code, _)| self.summary["matter"] == **code).map(|(_, lead)| lead.clone());
        let lead = lead.unwrap_or_else(|| of.chance.pick(of.departments).clone());
        let assist: Vec<&String> =
            of.departments.iter().filter(|code| **code != lead && of.chance.happens(30)).collect();
        json!({ "lead": lead, "assist": assist, "instructions": of.text("请处置") })
    }

    /// The same, and with a reason: the department's list may have changed since.
    pub(super) fn dispatches(&self, of: &mut Material<'_>) -> Vec<(&'static str, Value)> {
        let plain = self.dispatch(of);
        let mut reasoned = plain.clone();
        reasoned["override_reason"] = json!(of.text("由其牵头"));
        vec![("dispatch-case", plain), ("dispatch-case", reasoned)]
    }

    fn progress(&self, of: &mut Material<'_>) -> Value {
        let order = self.order(of, &["accepted", "rework"]).filter(|_| self.stage() != "grid_handling");
        let day = self.newest.get(..10).unwrap_or_default();
        let evidence: Vec<String> = if of.chance.happens(50) { vec![of.file()] } else { vec![] };
        json!({ "order": order, "day": day, "text": of.text("进展"), "evidence": evidence })
    }

    /// An order that stands so; now and then any.
    fn order(&self, of: &mut Material<'_>, statuses: &[&str]) -> Option<Value> {
        let is_so = |order: &&Value| order["status"].as_str().is_some_and(|status| statuses.contains(&status));
        let fitting: Vec<&Value> = self.orders().filter(is_so).collect();
        let all: Vec<&Value> = self.orders().collect();
        let from = if fitting.is_empty() || of.chance.happens(10) { all } else { fitting };
        if from.is_empty() { None } else { Some(of.chance.pick(&from)["order"].clone()) }
    }
}

impl Material<'_> {
    fn one<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        self.chance.pick::<&'a str>(choices)
    }

    /// A text that nobody has sent before.
    pub(super) fn text(&mut self, about: &str) -> String {
        format!("{about}，第{}号", self.chance.below(1_000_000))
    }

    pub(super) fn file(&mut self) -> String {
        self.chance.pick(self.files).clone()
    }

    pub(super) fn matter(&mut self) -> String {
        self.chance.pick(self.matters).0.clone()
    }

    pub(super) fn criteria(&self) -> Value {
        let met = |criterion: &String| json!({ "criterion": criterion, "met": true });
        let all: Vec<Value> = self.district.criteria.iter().map(met).collect();
        if all.is_empty() { json!([{ "criterion": "属于本街道", "met": true }]) } else { json!(all) }
    }

    fn other_case(&mut self) -> String {
        self.chance.pick(self.cases).clone()
    }

    /// A discovery.
    pub(super) fn discovery(&mut self) -> Value {
        let mut location = json!({ "text": self.text("弄堂口") });
        if self.chance.happens(30) {
            location["longitude"] =
                json!(121.0 + f64::from(u32::try_from(self.chance.below(1000)).unwrap_or(0)) / 1001.0);
            location["latitude"] =
                json!(31.0 + f64::from(u32::try_from(self.chance.below(1000)).unwrap_or(0)) / 1001.0);
        }
        let evidence: Vec<String> = if self.chance.happens(50) { vec![self.file()] } else { vec![] };
        let source = self.one(&["patrol", "visit", "hotline", "self_report"]);
        let mut found = json!({
            "source": source,
            "title": self.text("问题"),
            "description": self.text("情况"),
            "grid": self.chance.pick(&self.district.lowest),
            "location": location,
            "evidence": evidence,
        });
        if self.chance.happens(5) {
            // Refused: numbers are handed in by the connector of their source.
            found["source_code"] = json!(format!("N-{}", self.chance.below(12)));
        }
        if self.chance.happens(20) {
            found["reporter"] = json!({ "name": "某居民", "phone": "13000000000" });
        }
        found
    }
}

fn feedback(of: &mut Material<'_>) -> Value {
    let contacted = of.chance.happens(80);
    let mut said = || contacted.then(|| of.chance.happens(60));
    let (solved, satisfied) = (said(), said());
    json!({ "answer": of.text("答复"), "contacted": contacted, "solved": solved, "satisfied": satisfied })
}

fn close(of: &mut Material<'_>) -> Value {
    let outcome = of.one(&["solved", "community_solved", "explained"]);
    let override_reason = of.chance.happens(40).then(|| of.text("已尽责"));
    json!({ "outcome": outcome, "resolution": ["joint"], "summary": of.text("结案"), "override_reason": override_reason })
}
