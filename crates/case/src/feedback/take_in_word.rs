use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::{Allowed, CaseId, Context, Evidence, GridCode, Needs, Verb, check_count, check_line, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Said;
use super::record_feedback::COMMENT_MAX;
use crate::access::SPEAKERS_ANYWHERE;
use crate::case::{Case, Decision};
use crate::discover::{DESCRIPTION_MAX, EVIDENCE_MAX, PLACE_MAX, TITLE_MAX};
use crate::examples;
use crate::{DiscoverIssue, Location, LocationInput, RecordFeedback, Refusal, Stage};

/// The part of what is heard of a merged case that happens on the case that continued: whoever works on that one reads it.
///
/// Only `discover-issue`, for a source that tells of a merged case again, and `record-feedback` on a merged case give it. A case that
/// was merged in turn keeps it and passes it on. A report is refused where the case that continued is closed: it would be read by
/// nobody. What a finder says of an answer is taken there too, because it is said after the closing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeInWord {
    /// The case of which it was said.
    pub from: CaseId,
    /// What was said.
    pub said: Word,
}

/// What was said of a merged case, as it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Its source told of it again.
    Report(WordOfSource),
    /// Its finder was asked about the answer.
    Feedback(WordOfFinder),
}

/// A report of the source of a merged case. Who reported it stays with that case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WordOfSource {
    #[schemars(length(min = 1, max = TITLE_MAX))]
    pub title: String,
    #[schemars(length(min = 1, max = DESCRIPTION_MAX))]
    pub description: String,
    /// The grid that was named.
    pub grid: GridCode,
    pub location: LocationInput,
    /// Files that show it.
    #[schemars(length(max = EVIDENCE_MAX))]
    pub evidence: Vec<Digest>,
}

/// What the finder of a merged case said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WordOfFinder {
    /// Whether the finder was reached.
    pub contacted: bool,
    /// Whether the finder says that it is solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<bool>,
    /// Whether the finder is satisfied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satisfied: Option<bool>,
    /// What the finder said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = COMMENT_MAX))]
    pub comment: Option<String>,
}

/// Something was said of a case that was merged into this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WordTakenIn {
    /// The case of which it was said.
    pub from: CaseId,
    /// 1, 2, 3 …: which word of merged cases it is.
    pub number: u32,
    /// What was said.
    pub said: WordRecorded,
    /// When it was said here.
    pub heard_at: DateTime<Utc>,
}

/// What was said of a merged case, as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WordRecorded {
    /// Its source told of it again.
    Report(ReportTakenIn),
    /// Its finder was asked about the answer.
    Feedback(WordOfFinder),
}

/// A report of the source of a merged case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportTakenIn {
    pub title: String,
    pub description: String,
    /// The grid that was named. The case stays where it is.
    pub grid: GridCode,
    pub location: Location,
    /// Files that show it.
    pub evidence: Vec<Evidence>,
}

impl DiscoverIssue {
    /// What it says, for the case that continued.
    pub(crate) fn word(&self) -> Word {
        Word::Report(WordOfSource {
            title: self.title.clone(),
            description: self.description.clone(),
            grid: self.grid.clone(),
            location: self.location.clone(),
            evidence: self.evidence.clone(),
        })
    }
}

impl RecordFeedback {
    /// What the finder said, for the case that continued.
    pub(super) fn word(&self) -> Word {
        let Said { solved, satisfied } = self.said();
        Word::Feedback(WordOfFinder { contacted: self.contacted, solved, satisfied, comment: self.comment.clone() })
    }
}

impl Verb for TakeInWord {
    const NAME: &'static str = "take-in-word";
    const BY: Allowed = SPEAKERS_ANYWHERE;
    const IS_PART: bool = true;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let needs = match &self.said {
            Word::Report(report) => Needs::none().evidence(&report.evidence),
            Word::Feedback(_) => Needs::none(),
        };
        match case.file.as_ref().and_then(|file| file.merged.as_ref().map(|merged| (file, merged))) {
            Some((file, merged)) => {
                let part = Self { from: file.discovered.case, said: self.said.clone() };
                needs.also(merged.into.uuid(), &part)
            }
            None => needs,
        }
    }
    fn example() -> Self {
        Self { from: examples::case(), said: RecordFeedback::example().word() }
    }
}

impl TakeInWord {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if !file.taken_in.iter().any(|taken| taken.from == self.from) {
            return Err(Refusal::NotMergedInto { case: context.id.into() });
        }
        let said = self.said.recorded(context)?;
        let mut of_case = file.words.iter().filter(|word| word.from == self.from).map(|word| &word.said);
        let is_known = match &said {
            // A report adds to the others, however long ago they came; of a finder only the last word counts.
            WordRecorded::Report(_) => of_case.any(|word| *word == said),
            WordRecorded::Feedback(_) => of_case.rfind(|word| matches!(word, WordRecorded::Feedback(_))) == Some(&said),
        };
        if is_known {
            return Ok(vec![]);
        }
        self.said.check()?;
        if matches!((&said, case.stage()), (WordRecorded::Report(_), Stage::Closed)) {
            return Err(Refusal::CaseIsOver { stage: case.stage() });
        }
        let number = u32::try_from(file.words.len()).unwrap_or(u32::MAX).saturating_add(1);
        Ok(vec![WordTakenIn { from: self.from, number, said, heard_at: context.at }.into()])
    }
}

impl Word {
    fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Report(report) => {
                check_line("title", &report.title, TITLE_MAX)?;
                check_text("description", &report.description, DESCRIPTION_MAX)?;
                check_line("location.text", &report.location.text, PLACE_MAX)?;
                Ok(check_count("evidence", report.evidence.len(), 0, EVIDENCE_MAX)?)
            }
            Self::Feedback(word) => {
                word.comment.as_ref().map_or(Ok(()), |comment| check_text("comment", comment, COMMENT_MAX))?;
                let is_heard = word.contacted || (word.solved.is_none() && word.satisfied.is_none());
                if is_heard { Ok(()) } else { Err(Refusal::NotReached) }
            }
        }
    }

    fn recorded(&self, context: &Context) -> Result<WordRecorded, Refusal> {
        Ok(match self {
            Self::Report(report) => WordRecorded::Report(ReportTakenIn {
                title: report.title.clone(),
                description: report.description.clone(),
                grid: report.grid.clone(),
                location: report.location.recorded()?,
                evidence: context.evidence(&report.evidence)?,
            }),
            Self::Feedback(word) => WordRecorded::Feedback(word.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        CASE, NOW, closed_case, discover, discovered, feedback, given, merged, merged_answered, taken_in,
    };
    use crate::{CaseEvent, Source};
    use kernel::{Aggregate, SourceCode};

    fn from() -> CaseId {
        CaseId::named("from")
    }

    fn word(said: Word) -> TakeInWord {
        TakeInWord { from: from(), said }
    }

    fn report(title: &str) -> TakeInWord {
        word(DiscoverIssue { title: title.into(), ..discover() }.word())
    }

    fn open() -> Vec<CaseEvent> {
        vec![discovered(), taken_in(from())]
    }

    fn closed() -> Vec<CaseEvent> {
        [open(), closed_case()[1..].to_vec()].concat()
    }

    #[test]
    fn what_is_said_of_a_merged_case_stands_on_the_one_that_continued_once() {
        for (first, second) in
            [(report("车棚着火"), report("车棚又着火")), (word(feedback(false).word()), word(feedback(true).word()))]
        {
            let events = given(open()).when(first.clone()).events();
            assert!(matches!(&events[..], [CaseEvent::WordTakenIn(event)] if event.number == 1), "{events:?}");
            let after = [open(), events].concat();
            given(after.clone()).when(first.clone()).then_nothing();
            let events = given(after.clone()).when(second.clone()).events();
            assert!(matches!(&events[..], [CaseEvent::WordTakenIn(event)] if event.number == 2), "{events:?}");
            let after = [after, events].concat();
            assert_eq!(given(after.clone()).state().standing, given(open()).state().standing, "nobody else must act");
            // The first report again adds nothing; a finder who says the first thing again has changed their mind.
            let again = given(after).when(first.clone()).events();
            assert_eq!(again.len(), usize::from(matches!(first.said, Word::Feedback(_))));
        }
        given([discovered()]).when(report("别的")).then_refused(Refusal::NotMergedInto { case: CASE });
    }

    #[test]
    fn a_report_on_what_is_closed_is_refused_and_what_a_finder_says_of_the_answer_is_not() {
        given(closed()).when(report("又来了")).then_refused(Refusal::CaseIsOver { stage: Stage::Closed });
        assert_eq!(given(closed()).when(word(feedback(false).word())).events().len(), 1);
        let unheard = WordOfFinder { contacted: false, solved: Some(true), satisfied: None, comment: None };
        given(open()).when(word(Word::Feedback(unheard))).then_refused(Refusal::NotReached);
    }

    #[test]
    fn it_is_passed_on_under_the_same_command_from_case_to_case() {
        let into = CaseId::named("target");
        let state = |events: Vec<CaseEvent>| events.into_iter().fold(Case::default(), Case::evolve);
        let told = state(vec![discovered(), merged(into), merged_answered(into, 1, "已改建")]);
        let also = |part: &TakeInWord| Needs::none().also(into.uuid(), part).also;
        let own = |said| TakeInWord { from: CASE, said };
        assert_eq!(feedback(false).needs(&told).also, also(&own(feedback(false).word())));
        let call = DiscoverIssue {
            source: Source::Hotline,
            source_code: Some(SourceCode::try_new("0417").unwrap()),
            title: "又来了".into(),
            ..discover()
        };
        assert_eq!(call.needs(&told).also, also(&own(call.word())));
        // It was merged in turn: it keeps what was said, and says so as its own.
        let chain = || vec![discovered(), taken_in(from()), merged(into)];
        assert_eq!(report("又来了").needs(&state(chain())).also, also(&own(report("又来了").said)));
        let events = given(chain()).when(report("又来了")).events();
        assert!(matches!(&events[..], [CaseEvent::WordTakenIn(event)] if event.heard_at == NOW), "{events:?}");
    }
}
