//! The loop of the sample department: event in, command out, acknowledged when answered.

use std::fmt;
use std::time::Duration;

use app::Problem;
use chrono::{NaiveDate, TimeDelta};
use kernel::{OrderId, Position};
use serde_json::{Value, json};

use super::{Delivery, Department, Policy, Reply, Uploader};
use crate::Error;
use crate::error::chain;

/// How many events are fetched at once.
const EVENTS_AT_ONCE: usize = 16;
/// How long a fetch waits for events.
const FETCH_PATIENCE: Duration = Duration::from_secs(5);
/// After how long an event that could not be answered is delivered again.
const LATER: Duration = Duration::from_secs(2);
/// The pause after a fetch that failed.
const PAUSE: Duration = Duration::from_secs(1);
/// The country's one time of day, ahead of UTC.
const AHEAD_OF_UTC: TimeDelta = TimeDelta::hours(8);

/// The refusal of the lead's disposal while an assisting part is open. The command is sent again.
const PARTS_OPEN: &str = "assisting-parts-open";

/// What the department did, for people.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It received an event.
    Received {
        position: Position,
        /// What happened.
        event: String,
        /// Title of the case.
        title: String,
        order: OrderId,
    },
    /// The log has lost events, and goes on in a later epoch: orders and answers of the last moments may be gone.
    EpochRaised { epoch: u32 },
    /// Its command was done.
    Accepted { verb: &'static str, order: OrderId, answer: Value },
    /// Its command was refused; it does not try again.
    Refused { verb: &'static str, order: OrderId, problem: Problem },
    /// Its command cannot be done now; it is sent again.
    Waiting { verb: &'static str, order: OrderId, reason: String },
    /// NATS is away, or the consumer was not created yet.
    Away { reason: String },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received { position, event, title, order } => {
                write!(f, "← {event} {title} (order {order}, #{position})")
            }
            Self::EpochRaised { epoch } => write!(
                f,
                "! the log is in epoch {epoch}: events were lost. Compare your orders with GET /orders, and send again what is missing"
            ),
            Self::Accepted { verb, order, answer } => match answer["first"].as_u64() {
                Some(first) => write!(f, "→ {verb} (order {order}, #{first})"),
                None => write!(f, "→ {verb} (order {order}, nothing to do)"),
            },
            Self::Refused { verb, order, problem } => {
                write!(f, "✗ {verb} (order {order}): {} {}", problem.status, problem.detail)
            }
            Self::Waiting { verb, order, reason } => write!(f, "… {verb} (order {order}) is tried again: {reason}"),
            Self::Away { reason } => write!(f, "… waiting for NATS: {reason}"),
        }
    }
}

/// A department at work.
struct Work<'a> {
    department: &'a Department,
    policy: &'a Policy,
    uploader: &'a dyn Uploader,
    tell: &'a (dyn Fn(Step) + Send + Sync),
}

/// Whether an event is answered.
enum Handled {
    Done,
    /// It is delivered again after this time.
    Later(Duration),
}

impl Department {
    /// Receives orders and answers them as `policy` says, until `shutdown`. Each step is told to `tell`.
    pub async fn run(
        &self,
        policy: &Policy,
        uploader: &dyn Uploader,
        tell: &(dyn Fn(Step) + Send + Sync),
        shutdown: impl Future<Output = ()>,
    ) {
        let work = Work { department: self, policy, uploader, tell };
        tokio::select! {
            () = shutdown => {}
            () = work.answer_all() => {}
        }
    }
}

impl Work<'_> {
    async fn answer_all(&self) {
        let mut epoch = None;
        loop {
            match self.department.next_events(EVENTS_AT_ONCE, FETCH_PATIENCE).await {
                Ok(deliveries) => {
                    for delivery in deliveries {
                        if epoch.is_some_and(|epoch| delivery.epoch > epoch) {
                            (self.tell)(Step::EpochRaised { epoch: delivery.epoch });
                        }
                        epoch = epoch.max(Some(delivery.epoch));
                        self.take(&delivery).await;
                    }
                }
                Err(error) => {
                    (self.tell)(Step::Away { reason: chain(&error) });
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Answers an event and acknowledges it, or puts it off. If NATS is not told, the event is delivered again anyway.
    async fn take(&self, delivery: &Delivery) {
        (self.tell)(Step::Received {
            position: delivery.position,
            event: delivery.name.clone(),
            title: delivery.title.clone(),
            order: delivery.order,
        });
        let said = match self.answer(delivery).await {
            Ok(Handled::Done) => delivery.ack().await,
            Ok(Handled::Later(delay)) => delivery.later(delay).await,
            Err(error) => {
                (self.tell)(Step::Away { reason: chain(&error) });
                delivery.later(LATER).await
            }
        };
        if let Err(error) = said {
            (self.tell)(Step::Away { reason: chain(&error) });
        }
    }

    async fn answer(&self, delivery: &Delivery) -> Result<Handled, Error> {
        match delivery.name.as_str() {
            "order_dispatched" => match &self.policy.request_return {
                Some(asked) => {
                    let body = json!({
                        "order": delivery.order,
                        "reason": asked.reason,
                        "legal_basis": asked.legal_basis,
                        "explanation": asked.explanation,
                    });
                    self.command("request-return", delivery, &body).await
                }
                None => self.accept(delivery).await,
            },
            "return_refused" => self.accept(delivery).await,
            "order_accepted" => {
                if let later @ Handled::Later(_) = self.progress(delivery).await? {
                    return Ok(later);
                }
                self.dispose(delivery).await
            }
            "order_rework_required" => self.dispose(delivery).await,
            _ => Ok(Handled::Done),
        }
    }

    async fn accept(&self, delivery: &Delivery) -> Result<Handled, Error> {
        self.command("accept-order", delivery, &json!({ "order": delivery.order })).await
    }

    async fn progress(&self, delivery: &Delivery) -> Result<Handled, Error> {
        let Some(text) = &self.policy.progress else { return Ok(Handled::Done) };
        // The day of the event and not today, so that the same event leads to the same command.
        let day: NaiveDate = delivery.time.checked_add_signed(AHEAD_OF_UTC).unwrap_or(delivery.time).date_naive();
        self.command("record-progress", delivery, &json!({ "order": delivery.order, "day": day, "text": text })).await
    }

    async fn dispose(&self, delivery: &Delivery) -> Result<Handled, Error> {
        let Some(disposal) = &self.policy.dispose else { return Ok(Handled::Done) };
        let mut evidence = Vec::new();
        for name in &disposal.evidence {
            delivery.keep().await?;
            match self.uploader.upload(name).await {
                Ok(digest) => evidence.push(digest),
                Err(error) => {
                    let (verb, order) = ("submit-disposal", delivery.order);
                    (self.tell)(Step::Waiting { verb, order, reason: error.to_string() });
                    return Ok(Handled::Later(LATER));
                }
            }
        }
        let body = json!({ "order": delivery.order, "result": disposal.result, "evidence": evidence });
        self.command("submit-disposal", delivery, &body).await
    }

    /// Sends a command. A refusal is shown and ends it, unless it may pass.
    async fn command(&self, verb: &'static str, delivery: &Delivery, body: &Value) -> Result<Handled, Error> {
        delivery.keep().await?;
        let id = Department::command_id(delivery.event, verb);
        let order = delivery.order;
        match self.department.send(verb, &delivery.stream, id, body).await? {
            Reply::Accepted(answer) => (self.tell)(Step::Accepted { verb, order, answer }),
            Reply::Refused(problem) if problem.code == PARTS_OPEN || problem.status >= 500 => {
                let delay = problem.retry_after.map_or(LATER, |seconds| LATER.max(Duration::from_secs(seconds.into())));
                (self.tell)(Step::Waiting { verb, order, reason: problem.detail });
                return Ok(Handled::Later(delay));
            }
            Reply::Refused(problem) => (self.tell)(Step::Refused { verb, order, problem }),
        }
        Ok(Handled::Done)
    }
}
