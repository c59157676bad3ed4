//! x
use super::*;
#[test]
fn show() {
    for t in [
        "[mqtt]\nhost = \"abc\nport = 1\n",
        "[mqtt]\nhost = abc\n",
        "[mqtt]\nhost = 192.168.1.5\n",
        "[mqtt]\nhost: \"x\"\n",
        "[mqtt\nhost = 1\n",
        "a = 1\na = 2\n",
        "[a]\n[a]\n",
        "a =\n",
        "a = [1, 2\nb = 3\n",
        "a = {b=1\n",
        "a = \"x\" y\n",
        "path = \"C:\\Users\\x\"\n",
        "a = True\n",
        "a = “x”\n",
        "{\"mqtt\": {}}",
        "password = \"abcd\nx=1",
        "password hunter2\n",
        "p = \"\"\"\npassword = \"\"\"\nhunter2\n",
        "[keys]\nA = hunter2",
        "pasword = hunter2",
        "a = \"\u{1}\"",
        "a.b = 1\na = 2",
        "ä = 1",
        "a=1\rb=2",
    ] {
        println!("{}\n", syntax_error(t));
    }
    for t in [
        "[mqtt]\nhsot = \"x\"\npasword = \"hunter2\"\nport = \"abc\"\nretain=\"yes\"\nkeep_alive = 30\nfoo=1\n[mqtt.tls]\nca-file = \"x\"\nversion = \"modren\"",
        "[mqtt]\nport = 70000",
        "[mqtt]\nhost = \"\"\n",
        "[mqtt]\nhost=\"x\"\n[mqtt.tls]\nenabled=true",
        "mqtt = 5",
        "[[mqtt]]\nhost=\"x\"\n[[mqtt]]",
        "[[mqtt]]\nhost=\"x\"",
        "[mqtt]\nkeep_alive=\"soon\"\nusername = 5\nport = \"1883\"\npassword = 12345\ntls = 5",
        "mqtt = { hsot = 1, password = \"hunter2\", prot = 2 }",
        "[mqtt]\npassword = { fiel = \"/x\" } # hunter2",
    ] {
        println!("{}\n", mqtt_error(t));
    }
    for t in [
        "[[my_box]]\nhsot = 1\n[[my_box]]\nhost=\"a\"\n[[my-box]]\nserial = 5\nhost=\"b\"\npeers=\"x\"\n[my_box.link]\ntype=\"tpc\"",
        "[[my_box]]\nhost=\"x\"\nlink={type=\"tcp\", adress=\"y\"}\npanels = [{name=1},{nmae=\"x\", watts=-1}]\npeers=[1,\"a\",2]\n[my_box.keys]\nA=5",
        "[[my_box]]\nhost=\"x\"\nlink={}\n",
        "[[my_box]]\nhost=\"x\"\nlink={type=\"tcp\",device=\"y\"}\n",
        "my_box = [1, {host=\"x\", keyz={a=\"hunter2\"}}]",
    ] {
        println!("{}\n", box_error(t));
    }
    println!(
        "{}",
        parse("host = \"x\"\n[mqqt]\n[[mybox]]\na=1\n[[mybox]]\n[zzz]\nlog=5")
            .unknown_sections(&["mqtt", "my_box", "log"])
    );
}
