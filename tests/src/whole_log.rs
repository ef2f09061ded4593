//! The log, as anybody who may can read it over HTTP: every event with its exact bytes.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use serde_json::value::RawValue;
use testkit::client::{Answer, Client};

/// How many events are asked for at once.
const PAGE: u64 = 200;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the log.
    pub position: u64,
    /// Its CloudEvents JSON, byte for byte.
    pub text: String,
}

impl Event {
    /// The event as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("event {} is no JSON", self.position))
    }

    /// Its subject in NATS: what `type` and `audience` of its envelope say.
    pub fn nats_subject(&self) -> anyhow::Result<String> {
        let event = self.json()?;
        let text =
            |field: &str| event[field].as_str().with_context(|| format!("event {} has no {field}", self.position));
        let name = text("type")?.rsplit('.').nth(1).context("a type without a name")?;
        Ok(format!("dg.evt.{}.{name}", text("audience")?))
    }
}

/// The whole log; positions are checked to be 1, 2, 3 … without a gap.
pub async fn read_log(http: &Client, token: &str) -> anyhow::Result<Vec<Event>> {
    let mut log: Vec<Event> = Vec::new();
    loop {
        let after = log.last().map_or(0, |last| last.position);
        let page = read_page(&page_after(http, token, after).await?.text)?;
        if page.is_empty() {
            return Ok(log);
        }
        for event in page {
            let expected = log.last().map_or(1, |last| last.position + 1);
            ensure!(event.position == expected, "after {} comes {}", expected - 1, event.position);
            log.push(event);
        }
    }
}

/// The position of the newest event; 0 when there is none.
pub async fn head(http: &Client, token: &str) -> anyhow::Result<u64> {
    Ok(read_log(http, token).await?.last().map_or(0, |last| last.position))
}

/// The position of the newest event, for whoever has read up to a position.
pub(crate) async fn newest_after(http: &Client, token: &str, mut after: u64) -> anyhow::Result<u64> {
    while let Some(last) = read_page(&page_after(http, token, after).await?.text)?.last() {
        after = last.position;
    }
    Ok(after)
}

async fn page_after(http: &Client, token: &str, after: u64) -> anyhow::Result<Answer> {
    let request = http.raw().get(http.url(&format!("/events?after={after}&limit={PAGE}")));
    let answer = http.send(token, request.header("Accept", "application/json")).await?;
    ensure!(answer.status == 200, "no page of events: {} {}", answer.status, answer.text);
    Ok(answer)
}

/// The events of a page. They are cut out of its text, so that its bytes stay as they are.
fn read_page(text: &str) -> anyhow::Result<Vec<Event>> {
    let page: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).context("a page is no object")?;
    let items = page.get("items").context("a page without items")?;
    let items: Vec<BTreeMap<String, Box<RawValue>>> = serde_json::from_str(items.get()).context("items are no list")?;
    let event = |item: BTreeMap<String, Box<RawValue>>| {
        let field = |name: &str| item.get(name).with_context(|| format!("an item without {name}"));
        let position = field("position")?.get().parse().context("a position is no number")?;
        Ok(Event { position, text: field("event")?.get().to_owned() })
    };
    items.into_iter().map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_cut_out_of_its_page_byte_for_byte() {
        let text = r#"{"type":"cn.dualgrid.case.order_accepted.v1",  "n":1.50,"audience":"order.CGZF"}"#;
        let page = format!(r#"{{"items":[{{"position":7,"event":{text}}}]}}"#);
        let events = read_page(&page).unwrap();
        assert_eq!(events, [Event { position: 7, text: text.to_owned() }]);
        assert_eq!(events[0].nats_subject().unwrap(), "dg.evt.order.CGZF.order_accepted");
    }

    #[test]
    fn an_event_stands_under_its_audience() {
        let text = r#"{"type":"cn.dualgrid.rules.matter_published.v1","audience":"district"}"#.to_owned();
        assert_eq!(Event { position: 1, text }.nats_subject().unwrap(), "dg.evt.district.matter_published");
    }
}
