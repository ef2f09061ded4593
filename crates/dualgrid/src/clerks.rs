//! Who acts at the door of a department: its program, which its connection proves, or a clerk, whom a token proves.

use std::sync::Arc;

use app::who::SubjectId;
use app::{App, Problem};
use async_trait::async_trait;
use bus::commands::Clerks;
use http_api::token::Verifier;
use kernel::{Actor, DepartmentCode};
use people::ProgramId;

/// The register and the keys of tokens, for the doors of departments.
pub(crate) struct AtDoors {
    app: Arc<App>,
    verifier: Verifier,
}

impl AtDoors {
    /// Tokens are checked by `verifier`, as over HTTP.
    pub(crate) fn new(app: Arc<App>, verifier: Verifier) -> Self {
        Self { app, verifier }
    }
}

#[async_trait]
impl Clerks for AtDoors {
    async fn program(&self, department: &DepartmentCode) -> Result<Actor, Problem> {
        let program = ProgramId::Department(department.clone());
        self.app.connected(&program).await.map_err(|error| error.problem())
    }

    async fn clerk(&self, department: &DepartmentCode, token: &str, post: Option<&str>) -> Result<Actor, Problem> {
        let proved = self.verifier.verify_at(department, token, self.app.clock().now());
        let proved = proved.map_err(|error| Problem::new(401, error.code(), error.to_string()))?;
        if matches!(proved.subject.id, SubjectId::Program(_)) {
            let detail = "this is the token of a program; the department's program needs none here, and a clerk has one of their own";
            return Err(Problem::new(403, "clerk-needed", detail));
        }
        let actor = self.app.who(&proved.subject, post).await.map_err(|error| error.problem())?;
        if app::authorise::is_clerk_of(&actor, department) {
            return Ok(actor);
        }
        let detail =
            format!("this person acts as {} of {}, and not as a clerk of {department}", actor.role, actor.scope);
        Err(Problem::new(403, "clerk-elsewhere", detail))
    }
}

#[cfg(test)]
#[path = "../tests/support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

#[cfg(test)]
mod tests;
