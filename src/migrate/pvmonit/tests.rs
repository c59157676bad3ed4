use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn php(more: &str) -> String {
    format!(
        "<?php\n# Niveau d'affichage des messages\n$PRINTMESSAGE=3;\t# 0=0\t5=debug\n\
         $VEDIRECT_MPTT_DATA=array ('CS', 'PPV');\n\
         $VEDIRECT_DEVICE_CORRESPONDANCE=array ('HQ15340AAAA' => 'MpttBleu', \"HQ15340BBBB\"=>\"MpttBlanc\"); \n\
         $TEMPERV14_BIN='';\n//$TEMPERV14_BIN='/usr/bin/sudo /opt/temperv14/temperv14';\n\
         $EMONCMS_URL_INPUT_JSON_POST='https://emoncms.example.org/input/post.json';\n\
         $EMONCMS_API_KEY='{KEY}';\n$WWW_MENU='<li><a href=\"http://192.0.2.1\">\n#</a></li>';\n{more}\n?>\n"
    )
}

const YAML: &str = "\
# PvMonit
printMessage: 0                             # 0=0
data:
    ppv_total: true                         # production
    conso_calc: false
vedirect:
    by: usb
    data_ok:
        mppt:
            - CS
            - PPV
deviceCorrespondance:
    HQ15340AAAA: MpttBleu
    'HQ15340BBBB': \"Le # blanc\"   # le petit
emoncms:
    testInternetHost: emoncms.org
    urlInputJsonPost: https://emoncms.example.org/input/post.json
    apiKey: 0123456789abcdef0123456789abcdef
www:
    apiKey: none
";

fn table(migrated: &Migrated) -> toml::Table {
    migrated.toml.parse().unwrap()
}

#[test]
fn names_address_and_key_of_both_forms() {
    for text in [php(""), YAML.to_owned()] {
        let (migrated, key) = migrate(&text, Some("/etc/wattbridge/emoncms")).unwrap();
        let table = table(&migrated);
        let names = table["victron"][0]["names"].as_table().unwrap();
        assert_eq!(names["HQ15340AAAA"].as_str(), Some("MpttBleu"));
        assert!(names.contains_key("HQ15340BBBB"), "{names:?}");
        assert_eq!(names.len(), 2);
        let emoncms = table["emoncms"].as_table().unwrap();
        assert_eq!(emoncms["url"].as_str(), Some("https://emoncms.example.org"));
        assert_eq!(
            emoncms["key"]["file"].as_str(),
            Some("/etc/wattbridge/emoncms")
        );
        assert_eq!(key.as_ref().map(|key| key.as_str()), Some(KEY));
        assert!(!migrated.toml.contains(KEY));
        assert!(!migrated.remarks.join(" ").contains(KEY));
    }
}

#[test]
fn without_a_file_the_key_is_in_the_configuration() {
    let (migrated, key) = migrate(&php(""), None).unwrap();
    assert_eq!(key, None);
    let emoncms = &table(&migrated)["emoncms"];
    assert_eq!(emoncms["key"].as_str(), Some(KEY));
    assert_eq!(emoncms["names"].as_str(), Some("pvmonit"));
    assert!(!format!("{migrated:?}").contains(KEY));
}

#[test]
fn thermometer_and_ammeter_of_the_first_version_go_on_as_node_1() {
    let more = "$TEMPERV14_BIN='/usr/bin/sudo /opt/temperv14/temperv14';\n$SONDE_TEMPERATURE_CORRECTION='-3';\n\
                $AMPEREMETRE_BIN = '/usr/bin/sudo /usr/bin/perl /opt/PvMonit/ampermetre.pl';\n$CONSO_PLAFOND = 1200;";
    let (migrated, _) = migrate(&php(more), None).unwrap();
    let table = table(&migrated);
    let temper = &table["text"][0];
    assert_eq!(
        temper["command"][0].as_str(),
        Some("/opt/temperv14/temperv14")
    );
    assert_eq!(temper["command"][1].as_str(), Some("-c"));
    assert_eq!(temper["values"][0]["offset"].as_integer(), Some(-3));
    let clamp = &table["text"][1];
    assert_eq!(clamp["values"][0]["ceiling"].as_integer(), Some(1200));
    let names = table["emoncms"]["names"].as_table().unwrap();
    assert_eq!(names["*"].as_str(), Some("pvmonit"));
    assert_eq!(names["text_clamp/power"].as_str(), Some("1/conso"));
    assert_eq!(names["text_temper/temperature"].as_str(), Some("1/temp"));
}

#[test]
fn the_total_of_the_panels_becomes_a_sum() {
    let (migrated, _) = migrate(YAML, None).unwrap();
    let table = table(&migrated);
    assert_eq!(
        table["sum"][0]["plus"][0].as_str(),
        Some("victron_*/panel_power")
    );
    let names = table["victron"][0]["names"].as_table().unwrap();
    assert_eq!(names["HQ15340BBBB"].as_str(), Some("Le # blanc"));
    let names = table["emoncms"]["names"].as_table().unwrap();
    assert_eq!(names["sum_ppvt/power"].as_str(), Some("Divers/PPVT"));
    let text = YAML.replace("conso_calc: false", "conso_calc: true");
    let (migrated, _) = migrate(&text, None).unwrap();
    assert!(migrated.remarks.iter().any(|it| it.contains("CONSO")));
}

#[test]
fn samples_are_no_settings_and_other_files_are_refused() {
    let sample = php("")
        .replace(KEY, "XXXXXXXXXXXXXXXXXXXXXXXX")
        .replace("HQ15340AAAA", "HQXXXXXXXX")
        .replace("HQ15340BBBB", "HQYYYYYY");
    let (migrated, key) = migrate(&sample, Some("/key")).unwrap();
    let table = table(&migrated);
    assert!(key.is_none() && !table.contains_key("emoncms"));
    assert!(table["victron"][0].get("names").is_none());
    assert!(migrated.remarks.iter().any(|it| it.contains("the sample")));
    assert!(
        migrated
            .remarks
            .iter()
            .any(|it| it.contains("serial numbers"))
    );
    for other in ["", "{}", "<?php $a = 1; ?>", "a: b\nemoncms:\n", "$"] {
        assert_eq!(
            migrate(other, None).unwrap_err(),
            PvMonitError::NoSettings,
            "{other}"
        );
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let (migrated, _) = migrate(&php("$VEDIRECT_BY = 'arduino';"), None).unwrap();
    assert!(migrated.remarks.iter().any(|it| it.contains("Arduino")));
    let long = php("").replace("MpttBleu", "Le grand toit au sud");
    let (migrated, _) = migrate(&long, None).unwrap();
    assert!(migrated.remarks.iter().any(|it| it.contains("first 16")));
    assert!(
        migrated
            .remarks
            .iter()
            .any(|it| it.contains("counted twice"))
    );
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]

    /// Whatever is in the file, what comes out is a configuration.
    #[test]
    fn every_text_is_read(text in r#"(<\?php)?([$A-Z_]{0,8}|'|"|\\|#|//|/\*|\*/|=|>|;|:|-| |\n|é|emoncms|apiKey){0,60}"#, name in "\\PC{0,20}", key in "\\PC{1,40}") {
        let _ = migrate(&text, None);
        let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
        let (migrated, _) = migrate(&php("").replace("MpttBleu", &quoted).replace(KEY, &key.replace('\\', "\\\\").replace('\'', "\\'")), None).unwrap();
        let table = table(&migrated);
        if !name.trim().is_empty() {
            let names = table["victron"][0]["names"].as_table().unwrap();
            proptest::prop_assert_eq!(names["HQ15340AAAA"].as_str(), Some(name.as_str()));
        }
    }
}
