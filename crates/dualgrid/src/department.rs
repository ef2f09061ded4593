//! `dualgrid department run --as CODE`: a sample department that receives its orders and answers them, over NATS only.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use app::peer::Tls;
use async_trait::async_trait;
use bus::Credentials;
use bus::department::{Department, DepartmentOptions, Disposal, Policy, ReturnRequest, UploadError, Uploader};
use kernel::DepartmentCode;
use kernel::digest::Digest;
use tokio::signal::unix::{SignalKind, signal};

use crate::output::say;

/// The picture that shows a disposal if no file is named: a white pixel, PNG.
const SAMPLE_PICTURE: &[u8] = include_bytes!("department/done.png");
const SAMPLE_NAME: &str = "sample picture";

/// Which department, where, and what it does with its orders.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArguments {
    /// Code of the department.
    #[arg(long = "as")]
    code: DepartmentCode,
    /// Where NATS is.
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    nats_url: String,
    /// The file with its key, which `dualgrid nats key` made.
    #[arg(long)]
    nkey_file: PathBuf,
    /// The authority (PEM) that signed the certificate of nats-server, where that is on another machine.
    #[arg(long, value_name = "FILE")]
    tls_authority: Option<PathBuf>,
    /// Its own certificate (PEM), where nats-server asks for one.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The private key of that certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// A file with the token of the clerk in whose name it acts, read for each command; the program of the department acts without it.
    #[arg(long)]
    clerk_token_file: Option<PathBuf>,
    /// Ask for the return of each order first.
    #[arg(long)]
    return_first: bool,
    /// Accept and report progress, but do not dispose.
    #[arg(long)]
    accept_only: bool,
    /// What was done, for the disposal.
    #[arg(long, default_value = "已按要求处置")]
    result: String,
    /// A PNG or JPEG that shows the disposal; a sample picture if absent.
    #[arg(long)]
    picture: Option<PathBuf>,
}

impl RunArguments {
    fn own_certificate(&self) -> Option<(PathBuf, PathBuf)> {
        self.tls_certificate.clone().zip(self.tls_key.clone())
    }
}

/// Receives orders and answers them until it is interrupted.
pub(crate) async fn run(arguments: RunArguments) -> anyhow::Result<()> {
    let picture = match &arguments.picture {
        None => SAMPLE_PICTURE.to_vec(),
        Some(path) => std::fs::read(path).with_context(|| format!("could not read {}", path.display()))?,
    };
    ensure!(!picture.is_empty(), "the picture is empty");
    let department = Department::connect(DepartmentOptions {
        code: arguments.code.clone(),
        url: arguments.nats_url.clone(),
        credentials: Credentials::NkeyFile(arguments.nkey_file.clone()),
        tls: Tls { authority: arguments.tls_authority.clone(), client: arguments.own_certificate() },
        clerk_token_file: arguments.clerk_token_file.clone(),
    })
    .await?;
    say!("Department {} waits for its orders at {}.", arguments.code, arguments.nats_url);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let uploader = OverNats { department: &department, picture };
    department.run(&arguments.policy(), &uploader, &|step| say!("{step}"), told).await;
    Ok(())
}

impl RunArguments {
    fn policy(&self) -> Policy {
        let asked = || ReturnRequest {
            reason: "not_our_matter".into(),
            legal_basis: "本部门权责清单".into(),
            explanation: "该事项不属于本部门职责".into(),
        };
        Policy {
            request_return: self.return_first.then(asked),
            progress: Some("已到现场".into()),
            dispose: (!self.accept_only)
                .then(|| Disposal { result: self.result.clone(), evidence: vec![SAMPLE_NAME.into()] }),
        }
    }
}

/// Uploads the one picture as the department.
struct OverNats<'a> {
    department: &'a Department,
    picture: Vec<u8>,
}

#[async_trait]
impl Uploader for OverNats<'_> {
    async fn upload(&self, name: &str) -> Result<Digest, UploadError> {
        let failed = |error: bus::Error| UploadError { name: name.to_owned(), reason: error.to_string() };
        let png = self.picture.starts_with(b"\x89PNG");
        let media_type = if png { "image/png" } else { "image/jpeg" };
        self.department.upload(media_type, self.picture.clone().into()).await.map_err(failed)
    }
}
