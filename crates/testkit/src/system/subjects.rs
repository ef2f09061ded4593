//! Whoever a test wants to act, entered in the register where they are not there.

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::System;
use super::launch::ADMINISTRATORS;
use crate::client::{command_id, pass_of};
use crate::nats::seed;

impl System {
    /// What somebody acts with in a role: a token, and the post after `#` ([`crate::client::token_of`]). Whoever is not in the register
    /// is entered, and appointed where they have no such post; `scope` is such as `["--grid", "JA-01"]`, and nothing is everywhere.
    pub async fn token(&self, subject: &str, role: &str, scope: &[&str]) -> anyhow::Result<String> {
        if role == "integrator" {
            let program = format!("integrator/{subject}");
            self.register_integrator(subject).await.with_context(|| format!("{program} could not be registered"))?;
            return Ok(self.run_cli(&["token", "issue", "--program", &program]).await?.trim().to_owned());
        }
        let scope = match scope {
            [] => json!("everywhere"),
            ["--grid", grid] => json!({ "grid": grid }),
            ["--department", department] => json!({ "department": department }),
            other => bail!("no scope: {}", other.join(" ")),
        };
        let post = self.post_of(subject, role, &scope).await;
        let post = post.with_context(|| format!("{subject} could not be appointed as {role}"))?;
        Ok(pass_of(&self.token_of_person(subject).await?, &post))
    }

    async fn token_of_person(&self, person: &str) -> anyhow::Result<String> {
        Ok(self.run_cli(&["token", "issue", "--dev", "--person", person]).await?.trim().to_owned())
    }

    /// The token of the security administrator of the sample.
    pub async fn security_administrator(&self) -> anyhow::Result<String> {
        let known = self.security.get_or_try_init(|| self.token_of_person(ADMINISTRATORS[1])).await?;
        Ok(known.clone())
    }

    /// The post of a person in that role and place, given to them where they have none.
    async fn post_of(&self, person: &str, role: &str, scope: &Value) -> anyhow::Result<String> {
        let found = self.registered("persons", person).await?;
        let posts = found.as_ref().and_then(|found| found["posts"].as_array()).cloned().unwrap_or_default();
        let is_it = |post: &&Value| post["role"] == *role && post["scope"] == *scope;
        if let Some(post) = posts.iter().find(is_it) {
            return post["code"].as_str().map(str::to_owned).context("a post without a code");
        }
        if found.is_none() {
            self.change("/persons/enter-person", json!({ "person": person })).await?;
        }
        let place = scope.as_object().and_then(|scope| scope.values().next()).and_then(Value::as_str);
        let code = format!("{role}-{}", place.unwrap_or("everywhere")).to_lowercase().replace('_', "-");
        let post = json!({ "person": person, "post": code, "role": role, "scope": scope });
        self.change("/persons/appoint-person", post).await?;
        Ok(code)
    }

    /// An integrator that may hear everything that is not internal.
    async fn register_integrator(&self, name: &str) -> anyhow::Result<()> {
        let id = json!({ "integrator": name });
        let listed = self.listed("programs").await?;
        if listed.iter().any(|program| program["id"] == id && program["closed"].is_null()) {
            return Ok(());
        }
        let (key, audiences) = (seed()?.public().to_string(), ["district", "order.*", "street.*"]);
        self.change("/programs/register-program", json!({ "program": id, "keys": [key], "audiences": audiences })).await
    }

    async fn registered(&self, register: &str, id: &str) -> anyhow::Result<Option<Value>> {
        Ok(self.listed(register).await?.into_iter().find(|entry| entry["id"] == *id))
    }

    async fn listed(&self, register: &str) -> anyhow::Result<Vec<Value>> {
        let security = self.security_administrator().await?;
        let document = self.client.get(&security, &format!("/{register}")).await?.accepted()?;
        document[register].as_array().cloned().with_context(|| format!("/{register} has no list of them"))
    }

    /// Gives a command of the security administrator on one of the registers.
    pub async fn change(&self, path: &str, body: Value) -> anyhow::Result<()> {
        let security = self.security_administrator().await?;
        let answer = self.client.command(&security, path, command_id()?, body).await?;
        ensure!(answer.status.is_success(), "{path} was answered {}: {}", answer.status, answer.text);
        Ok(())
    }
}
