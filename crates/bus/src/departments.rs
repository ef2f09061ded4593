//! One durable pull consumer for each department, created and kept by the core.
//!
//! A department can fetch from its consumer and acknowledge. It can neither create nor change a consumer, so it cannot see
//! the orders of another department. The consumer of a department that is no longer active is kept, also when the stream is
//! recreated: the department may have orders to finish. Only after a wipe of NATS is nothing known of it.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, Info, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context};
use async_trait::async_trait;
use futures::TryStreamExt as _;
use kernel::DepartmentCode;

use crate::error::chain;
use crate::stream;
use crate::subject::subjects_of;
use crate::{Connection, Error};

/// After how long an event that is not acknowledged is delivered again.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// How many events a department may hold without acknowledging them.
const ACK_PENDING_MAX: i64 = 1000;
/// Consumers are named `dept-<CODE>`.
const PREFIX: &str = "dept-";

/// Name of the consumer, and of the NATS user, of a department.
pub fn consumer_of(department: &DepartmentCode) -> String {
    format!("{PREFIX}{department}")
}

/// The department that a consumer belongs to.
pub(crate) fn department_of(consumer: &str) -> Option<DepartmentCode> {
    DepartmentCode::try_new(consumer.strip_prefix(PREFIX)?).ok()
}

/// Knows which departments there are.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// The departments that are active now.
    async fn departments(&self) -> Result<Vec<DepartmentCode>, app::Error>;
}

#[async_trait]
impl Directory for app::App {
    async fn departments(&self) -> Result<Vec<DepartmentCode>, app::Error> {
        app::App::departments(self).await
    }
}

/// Keeps the consumers.
pub struct Departments {
    connection: Connection,
    jetstream: Context,
    directory: Arc<dyn Directory>,
    look_every: Duration,
}

impl Departments {
    /// Looks for new departments and lost consumers every `look_every`.
    pub fn new(connection: Connection, directory: Arc<dyn Directory>, look_every: Duration) -> Self {
        let jetstream = jetstream::new(connection.client().clone());
        Self { connection, jetstream, directory, look_every }
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

    /// Creates the missing consumers, once.
    pub async fn keep(&self) -> Result<(), Error> {
        self.connection.check_version()?;
        let active = self.directory.departments().await?;
        let Some(stream) = stream::find(&self.jetstream).await? else { return Ok(()) };
        let kept: Vec<Info> = stream.consumers().try_collect().await.map_err(Error::nats("list the consumers"))?;
        let mut wanted: BTreeSet<DepartmentCode> = active.into_iter().collect();
        wanted.extend(kept.iter().filter_map(|consumer| department_of(&consumer.name)));
        // Departments that had a consumer before the stream was recreated.
        wanted.extend(stream::floors(&stream.cached_info().config).into_keys());
        for department in wanted {
            let name = consumer_of(&department);
            match kept.iter().find(|consumer| consumer.name == name) {
                Some(consumer) => self.correct(&stream, &department, consumer).await?,
                None if is_there(&stream, &name).await? => {}
                None => self.make(&stream, &department).await?,
            }
        }
        Ok(())
    }

    /// Creates the consumer of a department. It continues where the department was before the stream was recreated.
    async fn make(&self, stream: &Stream, department: &DepartmentCode) -> Result<(), Error> {
        let found = stream.cached_info();
        let floor = stream::floors(&found.config).get(department).copied().unwrap_or(0);
        if floor > found.state.last_sequence {
            // NATS would begin at the end of the stream; the publisher has not come that far yet.
            return Ok(());
        }
        let begin = match floor {
            0 => DeliverPolicy::All,
            floor => DeliverPolicy::ByStartSequence { start_sequence: floor + 1 },
        };
        let made = stream.create_consumer(config(department, begin)).await;
        made.map_err(Error::nats("create the consumer of a department"))?;
        tracing::info!(%department, after = floor, "the consumer of a department was created");
        let now = stream::find(&self.jetstream).await?;
        if now.is_none_or(|now| now.cached_info().created != found.created) {
            // The stream was recreated meanwhile: this consumer would begin at the wrong place.
            let deleted = stream.delete_consumer(&consumer_of(department)).await;
            deleted.map_err(Error::nats("delete the consumer of a department"))?;
        }
        Ok(())
    }

    /// Corrects a consumer that somebody has changed.
    async fn correct(&self, stream: &Stream, department: &DepartmentCode, found: &Info) -> Result<(), Error> {
        let wanted = config(department, found.config.deliver_policy);
        let is_right = found.config.filter_subject == wanted.filter_subject
            && found.config.filter_subjects.is_empty()
            && found.config.ack_policy == wanted.ack_policy
            && found.config.ack_wait == wanted.ack_wait
            && found.config.max_deliver == wanted.max_deliver
            && found.config.max_ack_pending == wanted.max_ack_pending;
        if is_right {
            return Ok(());
        }
        tracing::warn!(%department, "the consumer of a department was configured differently and is corrected");
        stream.create_consumer(wanted).await.map_err(Error::nats("correct the consumer of a department"))?;
        Ok(())
    }
}

/// Whether a consumer exists that NATS left out of its list, as it does for a moment while a server is busy.
async fn is_there(stream: &Stream, name: &str) -> Result<bool, Error> {
    match stream.consumer_info(name).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::nats("look at the consumer of a department")(error)),
    }
}

fn config(department: &DepartmentCode, begin: DeliverPolicy) -> pull::Config {
    pull::Config {
        durable_name: Some(consumer_of(department)),
        description: Some(format!("Orders of {department}; kept by dualgrid")),
        filter_subject: subjects_of(department),
        deliver_policy: begin,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        max_ack_pending: ACK_PENDING_MAX,
        ..pull::Config::default()
    }
}
