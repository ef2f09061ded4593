//! The names of our own message headers.

use async_nats::HeaderName;

/// Position of an event in the log; the same as its sequence in the stream.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("Dualgrid-Position");
/// Id of a command.
pub(crate) const COMMAND_ID: HeaderName = HeaderName::from_static("Dualgrid-Command-Id");
/// Joins everything that one outside action caused.
pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("Dualgrid-Correlation-Id");
/// The token of the clerk who acts.
pub(crate) const AUTHORIZATION: HeaderName = HeaderName::from_static("Authorization");
/// The post in which the clerk acts, where they hold several.
pub(crate) const POST: HeaderName = HeaderName::from_static("Dualgrid-Post");
/// A staff id without a proof: refused wherever it comes.
pub(crate) const ACTOR: HeaderName = HeaderName::from_static("Dualgrid-Actor");
/// W3C trace context.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The epoch of the log in which an event was published.
pub(crate) const EPOCH: HeaderName = HeaderName::from_static("Dualgrid-Epoch");
/// On the last message of a batch that ends within a command: the rest of its events comes in the next messages.
pub(crate) const CONTINUES: HeaderName = HeaderName::from_static("Dualgrid-Continues");
/// The versions on which a command relies, as over HTTP.
pub(crate) const IF_MATCH: HeaderName = HeaderName::from_static("If-Match");
/// Not taken for commands.
pub(crate) const IF_NONE_MATCH: HeaderName = HeaderName::from_static("If-None-Match");
/// In how many seconds to send the same command again.
pub(crate) const RETRY_AFTER: HeaderName = HeaderName::from_static("Retry-After");
/// From which account a request came: nats-server writes it, over whatever the sender wrote there.
pub(crate) const REQUEST_INFO: HeaderName = HeaderName::from_static("Nats-Request-Info");
/// Media type of the payload.
pub(crate) const CONTENT_TYPE: HeaderName = HeaderName::from_static("Content-Type");

/// Coding of the payload; none is undone here.
pub(crate) const CONTENT_ENCODING: HeaderName = HeaderName::from_static("Content-Encoding");

/// The header that names what a command is about: `Dualgrid-Case-Id` for the category `case`.
pub(crate) fn id_of(category: &str) -> HeaderName {
    let (first, rest) = category.split_at(category.len().min(1));
    let name = format!("Dualgrid-{}{rest}-Id", first.to_ascii_uppercase());
    name.parse().expect("a category is lower-case letters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_has_a_header_for_each_kind() {
        assert_eq!(id_of("case").to_string(), "Dualgrid-Case-Id");
        for kind in app::registry::kinds() {
            assert!(id_of(kind.category()).to_string().ends_with("-Id"), "{}", kind.category());
        }
    }
}
