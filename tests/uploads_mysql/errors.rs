//! What goes wrong with a database, on a real one.

use wattbridge::history::Cursors;
use wattbridge::model::HealthCode;
use wattbridge::uploads::try_login;

use super::house::{House, Said, named};
use super::server::{PASSWORD, Server};

const AT: i64 = 1_781_517_900;

fn is_held(said: &Said) -> bool {
    let health = said.health.as_ref();
    health.is_some_and(|health| health.code == HealthCode::Refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_has_to_mend_holds_everything_and_loses_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    let house = House::new(&server.at("history.db"), &server.command());
    house.panel("20000001-21", AT, "3600");
    // A table is missing.
    server.sql(
        "solaredge",
        "RENAME TABLE telemetry_optimizers TO elsewhere;",
    );
    let said = house.run(is_held).await;
    assert!(
        said.words().contains("1146") && said.words().contains("database.txt"),
        "{}",
        said.words()
    );
    server.sql(
        "solaredge",
        "RENAME TABLE elsewhere TO telemetry_optimizers;",
    );
    // The rights are missing.
    server.sql("", "REVOKE ALL ON solaredge.* FROM 'wb'@'localhost'; GRANT SELECT ON solaredge.* TO 'wb'@'localhost';");
    let said = house.run(is_held).await;
    assert!(said.words().contains("1142"), "{}", said.words());
    server.sql("", "GRANT ALL ON solaredge.* TO 'wb'@'localhost'; ALTER USER 'wb'@'localhost' IDENTIFIED BY 'other';");
    let said = house.run(is_held).await;
    assert!(said.words().contains("1045"), "{}", said.words());
    assert!(!said.words().contains(PASSWORD));
    let tried = try_login(house.target.plan.as_ref()).await;
    assert!(
        tried
            .as_ref()
            .is_err_and(|words| words.contains("option file")),
        "{tried:?}"
    );
    server.sql(
        "",
        &format!("ALTER USER 'wb'@'localhost' IDENTIFIED BY '{PASSWORD}';"),
    );
    assert_eq!(
        try_login(house.target.plan.as_ref()).await.as_deref(),
        Ok("it lets us in")
    );
    assert_eq!(
        server.number("SELECT COUNT(*) FROM telemetry_optimizers"),
        0
    );
    house.run(Said::is_through).await;
    assert_eq!(
        server.sql("solaredge", "SELECT * FROM telemetry_optimizers"),
        [[
            "536870913",
            "1781517900",
            "3600",
            "248",
            "240",
            "640",
            "812",
            "15"
        ]]
    );
    assert_eq!(
        server.number("SELECT last_telemetry FROM live_update"),
        AT + 10
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_does_not_fit_is_given_up_and_the_others_of_its_frame_arrive() {
    let Some(server) = Server::start() else {
        return;
    };
    let path = server.at("history.db");
    let house = House::new(&path, &server.command());
    for frame in 0..4 {
        let at = AT + frame * 300;
        house.panel("20000001-21", at, "3600");
        // More seconds than the column takes.
        house.panel("20000002-22", at, if frame == 1 { "70000" } else { "3600" });
        house.panel("20000003-23", at, "3600");
    }
    let said = house.run(Said::is_through).await;
    assert_eq!(said.given_up, Some(1));
    assert_eq!(
        server.number("SELECT COUNT(*) FROM telemetry_optimizers"),
        11
    );
    assert_eq!(
        server.number("SELECT MAX(uptime) FROM telemetry_optimizers"),
        3600
    );
    let cursors = Cursors::beside(&path).unwrap();
    let given_up = cursors.given_up(&house.target.id).await.unwrap();
    assert_eq!(given_up[0].slot, AT + 310);
    assert!(given_up[0].reason.contains("uptime"), "{given_up:?}");
}

#[tokio::test]
async fn a_program_that_is_no_client_is_told_from_one() {
    for (command, words) in [
        (&["/nowhere/mariadb", "solaredge"][..], "Install it"),
        (&["cat"][..], "standard input"),
        (&["true"][..], "standard input"),
        (&["false"][..], "fails"),
    ] {
        let command: Vec<_> = command.iter().map(|word| (*word).to_owned()).collect();
        let tried = try_login(named(&command).plan.as_ref()).await.unwrap_err();
        assert!(tried.contains(words), "{command:?}: {tried}");
        let folder = tempfile::tempdir().unwrap();
        let house = House::new(&folder.path().join("history.db"), &command);
        house.panel("20000001-21", AT, "3600");
        let said = house.run(|said| said.words().contains(words)).await;
        assert_eq!(said.pending, Some(1), "{said:?}");
        house.history.close();
    }
}

/// What waits survives a restart, and is sent in the order in which it came.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_survives() {
    let Some(server) = Server::start() else {
        return;
    };
    let path = server.at("history.db");
    let house = House::new(&path, &server.command());
    house.panel("20000001-21", AT, "3600");
    house.panel("20000001-21", AT + 300, "3900");
    let key = house.target.id.clone();
    let kept = house.history.cursors().records(&key, 10).await.unwrap();
    assert_eq!(
        kept.iter().map(|record| record.at).collect::<Vec<_>>(),
        [AT + 10, AT + 310]
    );
    house.history.close();
    let house = House::new(&path, &server.command());
    house.panel("20000001-21", AT - 300, "3300");
    house.run(Said::is_through).await;
    assert_eq!(
        server.number("SELECT COUNT(*) FROM telemetry_optimizers"),
        3
    );
    // Those of another adapter are none of its business.
    let other = wattbridge::model::Device::new("victron", "HQ1", "x", "y");
    let readings = wattbridge::model::Readings::new(other.id.clone(), jiff::Timestamp::now());
    house
        .history
        .record_as_said(&other, &readings, jiff::Timestamp::now());
    assert_eq!(
        house.history.cursors().count_records(&key).await.unwrap(),
        0
    );
    assert!(server.folder().exists());
}
