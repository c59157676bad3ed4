//! Tables for other programs.

use jiff::civil::date;

use crate::served::{Served, numbers, rows};

const DAY: &str = "from=2026-03-29&to=2026-03-30";

fn lines(text: &str) -> Vec<Vec<&str>> {
    let lines = text.split("\r\n").filter(|line| !line.is_empty());
    lines.map(|line| line.split(',').collect()).collect()
}

#[tokio::test]
async fn a_table_has_what_the_page_has() {
    let served = Served::days(date(2026, 3, 28), 3, "").await;
    let meter = served.reference(&served.named("Meter").id);
    let series = format!("series={meter}/power_net,house/sun");
    let answer = served
        .get(&format!("history.csv?of=slots&{series}&{DAY}"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    assert!(
        answer
            .header("content-disposition")
            .unwrap()
            .contains("wattbridge-2026-03-29")
    );
    let text = answer.text();
    let table = lines(&text);
    assert_eq!(table[0][0], "Time (end)");
    assert!(table[0][1].starts_with("Meter: "), "{:?}", table[0]);
    assert!(table[0][1].ends_with(" [W]"), "{:?}", table[0]);
    // A day of 23 hours: from midnight of winter to midnight of summer.
    assert_eq!(table[1][0], "2026-03-29T00:05:00+01:00");
    assert_eq!(table.last().unwrap()[0], "2026-03-30T00:00:00+02:00");
    let path = format!("history/power?{series}&{DAY}&step=300");
    let curves = served.json(&path).await;
    let values = numbers(&curves["series"][0]["v"]);
    let told = table[1..].iter().filter(|line| !line[1].is_empty()).count();
    assert_eq!(told, values.iter().flatten().count());
    let scale = curves["series"][0]["scale"].as_i64().unwrap();
    let first = values.iter().flatten().next().unwrap();
    let said: f64 = table[1][1].parse().unwrap();
    assert!((said * 10_f64.powi(scale as i32) - *first as f64).abs() < 1e-6);

    // The same for Excel in German, all values, and days.
    let excel = served
        .get(&format!("history.csv?of=slots&excel=1&lang=de&{DAY}"))
        .await;
    let text = excel.text();
    let head = text.lines().next().unwrap();
    assert!(
        head.starts_with("\u{feff}Zeit (Ende);Abstand zu UTC;"),
        "{head}"
    );
    let second = text.lines().nth(1).unwrap();
    assert!(
        second.starts_with("2026-03-29 00:05:00;+01:00;"),
        "{second}"
    );
    assert!(text.contains(','), "decimals have a comma");
    let days = served
        .get("history.csv?from=2000-01-01&to=2026-12-01")
        .await;
    let text = days.text();
    let table = lines(&text);
    assert_eq!(table[0][0], "Date");
    let dates: Vec<&str> = table[1..].iter().map(|line| line[0]).collect();
    assert_eq!(dates, ["2026-03-28", "2026-03-29", "2026-03-30"]);
    let place = table[0]
        .iter()
        .position(|it| it.starts_with("Meter: Energy import"));
    let place = place.unwrap_or_else(|| panic!("{:?}", table[0]));
    let energy = served
        .json("history/energy?by=day&from=2026-03-28&to=2026-03-31")
        .await;
    let import = numbers(&rows(&energy)["house/import"]["wh"]);
    for (line, wh) in table[1..].iter().zip(import) {
        let kwh: f64 = line[place].parse().unwrap();
        assert_eq!((kwh * 1000.0).round() as i64, wh.unwrap());
    }
    // Nothing is there: a head, and no line.
    let none = served
        .get("history.csv?from=2020-01-01&to=2020-02-01")
        .await;
    assert_eq!(none.status, 200);
    assert_eq!(none.text(), "Date\r\n");
}
