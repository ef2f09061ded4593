//! One durable pull consumer for each department and each integrator, created and kept by the core.
//!
//! A department can fetch from its consumer and acknowledge. It can neither create nor change a consumer, so it cannot see
//! the orders of another department. The consumer of a department that is no longer active is kept: the department may have orders
//! to finish. A consumer that is lost, with the stream or alone, begins again where its owner was ([`floors`]).

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use accounts::{InvalidName, Member};
use app::port::EventLog;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, Info, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context};
use async_trait::async_trait;
use kernel::{DepartmentCode, Position};
use tokio::sync::watch;

use crate::deletions::Deletions;
use crate::error::chain;
use crate::floors::{self, Floors, floor_of};
use crate::stream::{self, Origin};
use crate::subject::{subjects_of, subjects_of_audience};
use crate::{Connection, Error};

/// After how long an event that is not acknowledged is delivered again.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// How many events a department may hold without acknowledging them.
const ACK_PENDING_MAX: i64 = 1000;

/// Name of the consumer, and of the NATS user, of a department.
pub fn consumer_of(department: &DepartmentCode) -> String {
    accounts::consumer_of_department(department.as_str())
}

/// The department that a consumer belongs to.
pub(crate) fn department_of(consumer: &str) -> Option<DepartmentCode> {
    let owner = accounts::member_of_consumer(consumer).filter(Member::is_department)?;
    DepartmentCode::try_new(owner.name()).ok()
}

/// Knows which departments there are.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// The departments that are active now.
    async fn departments(&self) -> Result<Vec<DepartmentCode>, app::Error>;

    /// The integrators that were granted something.
    async fn integrators(&self) -> Vec<Integrator> {
        Vec::new()
    }
}

/// An integrator, and the events that it was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integrator {
    member: Member,
    /// Subjects; none of them within another.
    filters: Vec<String>,
}

/// What was granted to an integrator cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGrant {
    /// Its name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// One of its audiences.
    #[error(
        "the integrator {name} cannot be granted the audience `{audience}`: {reason}; grant order.<CODE>, order.*, street.<CODE>, \
         street.* or district"
    )]
    Audience { name: String, audience: String, reason: &'static str },
    /// It was granted nothing.
    #[error("the integrator {0} is granted no audience: list at least one")]
    Nothing(String),
}

impl Integrator {
    /// The integrator of that name with the audiences that it was granted.
    pub fn try_new(name: &str, audiences: &[String]) -> Result<Self, InvalidGrant> {
        let member = Member::integrator(name)?;
        let mut filters = Vec::new();
        for audience in audiences {
            // NATS refuses filters of which one is within another.
            let is_within = |all: &str| audience.starts_with(&all[..all.len() - 1]) && audience != all;
            let subjects = subjects_of_audience(audience).map_err(|reason| InvalidGrant::Audience {
                name: name.to_owned(),
                audience: audience.clone(),
                reason,
            })?;
            if !audiences.iter().any(|all| all.ends_with(".*") && is_within(all)) && !filters.contains(&subjects) {
                filters.push(subjects);
            }
        }
        filters.sort_unstable();
        if filters.is_empty() { Err(InvalidGrant::Nothing(name.to_owned())) } else { Ok(Self { member, filters }) }
    }
}

#[async_trait]
impl Directory for app::App {
    async fn departments(&self) -> Result<Vec<DepartmentCode>, app::Error> {
        app::App::departments(self).await
    }
}

/// A durable consumer that is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    name: String,
    description: String,
    /// The subjects of what it receives: at least one.
    filters: Vec<String>,
}

impl Wanted {
    fn of_department(department: &DepartmentCode) -> Self {
        Self {
            name: consumer_of(department),
            description: format!("Orders of {department}; kept by dualgrid"),
            filters: vec![subjects_of(department)],
        }
    }

    fn of_integrator(integrator: &Integrator) -> Self {
        let name = integrator.member.name();
        Self {
            name: integrator.member.consumer(),
            description: format!("What the integrator {name} was granted; kept by dualgrid"),
            filters: integrator.filters.clone(),
        }
    }

    fn config(&self, begin: DeliverPolicy) -> pull::Config {
        let (filter_subject, filter_subjects) = match self.filters.as_slice() {
            [one] => (one.clone(), Vec::new()),
            several => (String::new(), several.to_vec()),
        };
        pull::Config {
            durable_name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            filter_subject,
            filter_subjects,
            deliver_policy: begin,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_deliver: -1,
            max_ack_pending: ACK_PENDING_MAX,
            ..pull::Config::default()
        }
    }
}

/// Keeps the consumers.
pub struct Departments {
    connection: Connection,
    jetstream: Context,
    directory: Arc<dyn Directory>,
    log: Arc<dyn EventLog>,
    origin: Origin,
    look_every: Duration,
    deletions: Deletions,
}

impl Departments {
    /// Looks for new departments and lost consumers every `look_every`. A stream of another installation is left alone; where
    /// `installation` is empty, that is not checked.
    pub fn new(
        connection: Connection,
        directory: Arc<dyn Directory>,
        log: Arc<dyn EventLog>,
        installation: &str,
        look_every: Duration,
    ) -> Self {
        let jetstream = jetstream::new(connection.client().clone());
        let origin = Origin { installation: installation.to_owned(), ..Origin::default() };
        Self { connection, jetstream, directory, log, origin, look_every, deletions: Deletions::new() }
    }

    /// Follows the last deletion of the stream or of a consumer that was not ours, in words for readiness.
    pub fn deletions(&self) -> watch::Receiver<Option<String>> {
        self.deletions.told()
    }

    /// Keeps the consumers until `shutdown`.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            never = self.keep_looking() => match never {},
        }
    }

    async fn keep_looking(&self) -> Infallible {
        loop {
            self.connection.connected().await;
            if let Err(error) = self.keep().await {
                tracing::warn!(reason = chain(&error), "the consumers of the departments could not be kept");
            }
            tokio::time::sleep(self.look_every).await;
        }
    }

    /// Creates the missing consumers, once, and keeps how far those that are there have come.
    pub async fn keep(&self) -> Result<(), Error> {
        self.connection.check_version()?;
        let active = self.directory.departments().await?;
        let Some(stream) = stream::find(&self.jetstream).await? else { return Ok(()) };
        self.origin.refuse_foreign(&stream.cached_info().config)?;
        // Read before the consumers, which can only have come further since.
        let kept: Floors = self.log.floors().await?;
        let there: Vec<Info> = floors::listed(&stream).await?;
        floors::raise(&*self.log, &self.jetstream, &stream, &kept, &there).await?;
        let mut names: BTreeSet<String> = there.iter().map(|consumer| consumer.name.clone()).collect();
        let missing = self.deletions.missing(stream.cached_info(), &names);
        let mut departments: BTreeSet<DepartmentCode> = active.into_iter().collect();
        departments.extend(there.iter().filter_map(|consumer| department_of(&consumer.name)));
        // Departments that had a consumer once.
        departments.extend(kept.keys().filter_map(|consumer| department_of(consumer)));
        let integrators = self.directory.integrators().await;
        let integrators = integrators.iter().map(Wanted::of_integrator);
        for wanted in departments.iter().map(Wanted::of_department).chain(integrators) {
            let floor = kept.get(&wanted.name).copied().unwrap_or(Position::START);
            match there.iter().find(|consumer| consumer.name == wanted.name) {
                Some(consumer) if floor_of(consumer) < floor => {
                    // Deleted by us, and not always made at once.
                    names.remove(&wanted.name);
                    self.put_forward(&stream, &wanted, floor).await?;
                }
                Some(consumer) => correct(&stream, &wanted, consumer).await?,
                None if is_there(&stream, &wanted.name).await? => {}
                None => {
                    if missing.contains(&wanted.name) {
                        self.deletions.tell("consumer", &wanted.name);
                    }
                    self.make(&stream, &wanted, floor).await?;
                }
            }
        }
        self.deletions.remember(stream.cached_info(), names);
        Ok(())
    }

    /// Creates a consumer. It continues where its owner was: after `floor`.
    async fn make(&self, stream: &Stream, wanted: &Wanted, floor: Position) -> Result<(), Error> {
        let found = stream.cached_info();
        if floor.0 > found.state.last_sequence {
            // NATS would begin at the end of the stream; the publisher has not come that far yet.
            return Ok(());
        }
        let begin = match floor {
            Position::START => DeliverPolicy::All,
            floor => DeliverPolicy::ByStartSequence { start_sequence: floor.next().0 },
        };
        let made = stream.create_consumer(wanted.config(begin)).await;
        made.map_err(Error::nats("create a consumer"))?;
        tracing::info!(consumer = wanted.name, after = floor.0, "a consumer was created");
        let now = stream::find(&self.jetstream).await?;
        if now.is_none_or(|now| now.cached_info().created != found.created) {
            // The stream was recreated meanwhile: this consumer would begin at the wrong place.
            let deleted = stream.delete_consumer(&wanted.name).await;
            deleted.map_err(Error::nats("delete a consumer"))?;
        }
        Ok(())
    }

    /// Makes a consumer again that begins before what its owner has acknowledged: somebody else has made it, or nats-server has
    /// lost what it knew.
    async fn put_forward(&self, stream: &Stream, wanted: &Wanted, floor: Position) -> Result<(), Error> {
        tracing::warn!(consumer = wanted.name, to = floor.0, "a consumer was behind what its owner has acknowledged");
        stream.delete_consumer(&wanted.name).await.map_err(Error::nats("delete a consumer"))?;
        self.make(stream, wanted, floor).await
    }
}

/// Corrects a consumer that somebody has changed.
async fn correct(stream: &Stream, wanted: &Wanted, found: &Info) -> Result<(), Error> {
    let wanted = wanted.config(found.config.deliver_policy);
    let is_right = found.config.filter_subject == wanted.filter_subject
        && found.config.filter_subjects == wanted.filter_subjects
        && found.config.ack_policy == wanted.ack_policy
        && found.config.ack_wait == wanted.ack_wait
        && found.config.max_deliver == wanted.max_deliver
        && found.config.max_ack_pending == wanted.max_ack_pending;
    if is_right {
        return Ok(());
    }
    tracing::warn!(consumer = found.name, "a consumer was configured differently and is corrected");
    stream.create_consumer(wanted).await.map_err(Error::nats("correct a consumer"))?;
    Ok(())
}

/// Whether a consumer exists that NATS left out of its list, as it does for a moment while a server is busy.
async fn is_there(stream: &Stream, name: &str) -> Result<bool, Error> {
    match stream.consumer_info(name).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::nats("look at a consumer")(error)),
    }
}
