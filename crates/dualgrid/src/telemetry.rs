//! What the program prints of itself: lines for people or JSON, and traces over OTLP with the feature `otel`.

use anyhow::Context as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use crate::config::{Log, LogFormat, refuse_clear};

/// Ends what telemetry needs when the program ends.
pub(crate) struct Guard {
    #[cfg(feature = "otel")]
    traces: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

/// Starts telemetry. `RUST_LOG` wins over `log.filter`.
pub(crate) fn start(config: &Log) -> anyhow::Result<Guard> {
    if let Some(endpoint) = &config.otlp_endpoint {
        refuse_clear("log.otlp_endpoint", endpoint)?;
    }
    let filter = match std::env::var("RUST_LOG") {
        Ok(directives) => EnvFilter::try_new(directives),
        Err(_) => EnvFilter::try_new(&config.filter),
    };
    let filter = filter.context("log.filter, or RUST_LOG, is no list of tracing directives")?;
    // What cannot be written (`dualgrid serve 2>&1 | head`) is lost, and nothing panics for it.
    let printed = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let printed = match config.format {
        LogFormat::Json => printed.json().boxed(),
        LogFormat::Text => printed.with_ansi(false).boxed(),
    };
    let registry = Registry::default().with(filter).with(printed);
    start_with(registry, config)
}

#[cfg(not(feature = "otel"))]
fn start_with(
    registry: impl tracing::Subscriber + Send + Sync + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    config: &Log,
) -> anyhow::Result<Guard> {
    anyhow::ensure!(config.otlp_endpoint.is_none(), "log.otlp_endpoint needs a build with the feature `otel`");
    registry.init();
    Ok(Guard {})
}

#[cfg(feature = "otel")]
fn start_with(
    registry: impl tracing::Subscriber + Send + Sync + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    config: &Log,
) -> anyhow::Result<Guard> {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_otlp::WithExportConfig as _;

    let Some(endpoint) = &config.otlp_endpoint else {
        registry.init();
        return Ok(Guard { traces: None });
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().with_endpoint(endpoint).build()?;
    let traces = opentelemetry_sdk::trace::SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    registry.with(tracing_opentelemetry::layer().with_tracer(traces.tracer("dualgrid"))).init();
    Ok(Guard { traces: Some(traces) })
}

impl Drop for Guard {
    fn drop(&mut self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = self.traces.take()
            && let Err(error) = traces.shutdown()
        {
            crate::output::complain(format_args!("the last traces were not sent: {error}"));
        }
    }
}
