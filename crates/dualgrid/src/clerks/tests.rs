use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use http_api::token::{AUDIENCE, Audiences, Claims, Issuer, audience_of};
use kernel::Clock as _;
use serde_json::{Value, json};

use super::support::{Desk, id, security};
use super::*;

/// A door with its register, and who issues tokens for it.
struct World {
    desk: Desk,
    doors: AtDoors,
    issuer: Issuer,
}

impl World {
    /// The sample district, with `li.wei` in the register, who holds no post yet.
    async fn open() -> Self {
        let desk = Desk::open().await;
        let key = SigningKey::from_bytes(&[5; 32]);
        let public = key.verifying_key().to_bytes();
        let issuer = Issuer::try_new(key.to_pkcs8_der().unwrap().as_bytes(), &public).unwrap();
        let doors = AtDoors::new(Arc::clone(&desk.app), Verifier::new(&[public], "test"));
        let world = Self { desk, doors, issuer };
        world.tell("enter-person", json!({"person": "li.wei"})).await;
        world
    }

    /// A command of the security administrator on the register.
    async fn tell(&self, name: &str, body: Value) {
        self.desk.submit(&security(), None, name, id(), &body).await.unwrap();
    }

    async fn appoint(&self, post: &str, department: &str, term: (Option<i64>, Option<i64>)) {
        let moment = |minutes: i64| self.now() + TimeDelta::minutes(minutes);
        let mut body = json!({
            "person": "li.wei", "post": post, "role": "department_clerk", "scope": {"department": department},
        });
        if let Some(from) = term.0 {
            body["from"] = json!(moment(from));
        }
        if let Some(until) = term.1 {
            body["until"] = json!(moment(until));
        }
        self.tell("appoint-person", body).await;
    }

    fn now(&self) -> DateTime<Utc> {
        self.desk.clock.now()
    }

    fn wait(&self, time: TimeDelta) {
        self.desk.clock.advance(time);
    }

    /// A token of `li.wei` for these doors, valid for so many seconds.
    fn token(&self, audiences: &[&str], seconds: i64) -> String {
        let subject = SubjectId::try_new("li.wei").unwrap();
        let audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        let claims = Claims::new("test", &subject, self.now(), TimeDelta::seconds(seconds));
        self.issuer.issue(&Claims { aud: Audiences::Several(audiences), ..claims })
    }

    /// Who `li.wei` is at a door, with a token of ten minutes for it, or the code of the refusal.
    async fn at(&self, department: &str, post: Option<&str>) -> String {
        let token = self.token(&[&audience_of(&code(department))], 600);
        self.with(department, &token, post).await
    }

    async fn with(&self, department: &str, token: &str, post: Option<&str>) -> String {
        let actor = self.doors.clerk(&code(department), token, post).await;
        actor.map_or_else(|problem| format!("{} {}", problem.status, problem.code), |actor| actor.id)
    }
}

fn code(text: &str) -> DepartmentCode {
    DepartmentCode::try_new(text).unwrap()
}

#[tokio::test]
async fn a_clerk_acts_at_the_door_of_their_department_as_the_register_says() {
    let world = World::open().await;
    assert_eq!(world.at("CGZF", None).await, "403 post-missing");
    world.appoint("desk", "CGZF", (Some(10), Some(40))).await;
    world.wait(TimeDelta::minutes(9));
    assert_eq!(world.at("CGZF", None).await, "403 post-missing", "not begun");
    world.wait(TimeDelta::minutes(1));
    assert_eq!(world.at("CGZF", None).await, "li.wei");
    assert_eq!(world.at("SCJG", None).await, "403 clerk-elsewhere");
    assert_eq!(world.at("CGZF", Some("other")).await, "403 post-not-held");
    world.appoint("second", "SCJG", (None, None)).await;
    assert_eq!(world.at("CGZF", None).await, "400 post-needed");
    assert_eq!(world.at("CGZF", Some("desk")).await, "li.wei");
    assert_eq!(world.at("CGZF", Some("second")).await, "403 clerk-elsewhere");
    assert_eq!(world.at("SCJG", Some("second")).await, "li.wei");
    world.tell("suspend-person", json!({"person": "li.wei", "reason": "x"})).await;
    assert_eq!(world.at("CGZF", Some("desk")).await, "403 person-suspended");
    world.tell("reinstate-person", json!({"person": "li.wei", "reason": "y"})).await;
    world.wait(TimeDelta::seconds(1));
    assert_eq!(world.at("CGZF", Some("desk")).await, "li.wei");
    world.wait(TimeDelta::minutes(30));
    assert_eq!(world.at("CGZF", Some("desk")).await, "403 post-not-held", "over");
    assert_eq!(world.at("SCJG", None).await, "li.wei");
    world.tell("end-person", json!({"person": "li.wei", "reason": "x"})).await;
    assert_eq!(world.at("SCJG", None).await, "403 person-ended");
}

#[tokio::test]
async fn a_clerk_is_proved_by_a_short_token_for_that_door_alone() {
    let world = World::open().await;
    world.appoint("desk", "CGZF", (None, None)).await;
    let (own, other) = (audience_of(&code("CGZF")), audience_of(&code("SCJG")));
    for (audiences, seconds, expected) in [
        (vec![own.as_str()], 600, "li.wei"),
        (vec![own.as_str()], 601, "401 token-invalid"),
        (vec![AUDIENCE], 600, "401 token-invalid"),
        (vec![other.as_str()], 600, "401 token-invalid"),
        (vec!["dualgrid/department/CGZ"], 600, "401 token-invalid"),
        (vec![], 600, "401 token-invalid"),
    ] {
        let token = world.token(&audiences, seconds);
        assert_eq!(world.with("CGZF", &token, None).await, expected, "{} {seconds}", audiences.join(" "));
    }
    assert_eq!(world.with("CGZF", "li.wei", None).await, "401 token-invalid", "a name is no token");
    let token = world.token(&[&own], 600);
    world.wait(TimeDelta::seconds(661));
    assert_eq!(world.with("CGZF", &token, None).await, "401 token-expired");
    let before = world.token(&[&own], 600);
    world.wait(TimeDelta::seconds(2));
    world.tell("end-sessions", json!({"person": "li.wei"})).await;
    assert_eq!(world.with("CGZF", &before, None).await, "401 token-withdrawn");
    world.wait(TimeDelta::seconds(1));
    assert_eq!(world.at("CGZF", None).await, "li.wei");
}

#[tokio::test]
async fn a_program_acts_for_its_department_until_it_is_closed() {
    let world = World::open().await;
    let program = async || {
        let actor = world.doors.program(&code("CGZF")).await;
        actor.map_or_else(|problem| format!("{} {}", problem.status, problem.code), |actor| actor.id)
    };
    assert_eq!(program().await, "department/CGZF", "let in by the file of programs");
    let key = "UA6OVABTBDLTZMHZ2ZOAKGPQ4KCPWQZ3SFTDSGWT7V6Y7GWCT5LXEIMW";
    world.tell("register-program", json!({"program": {"department": "CGZF"}, "keys": [key]})).await;
    assert_eq!(program().await, "department/CGZF");
    world.tell("close-program", json!({"program": {"department": "CGZF"}, "reason": "x"})).await;
    assert_eq!(program().await, "403 program-closed");
    let subject = SubjectId::try_new("department/CGZF").unwrap();
    let claims = Claims::new("test", &subject, world.now(), TimeDelta::seconds(600)).for_department(&code("CGZF"));
    assert_eq!(world.with("CGZF", &world.issuer.issue(&claims), None).await, "403 clerk-needed");
}
