//! The table of products has every id that is known elsewhere.

use wattbridge::adapters::victron::wire::products::{Product, parse_id};

use super::captures;

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_known_product_has_a_name() {
    let known = captures::read("victron/pids.json");
    let known = known.as_object().unwrap();
    for (id, product) in known {
        let name = Product::of(parse_id(id.as_bytes()).unwrap()).name.unwrap();
        // Written there with a bar, and one with the mark of a footnote.
        let theirs = product["name"].as_str().unwrap().replace('|', "/");
        let theirs = theirs.trim_end_matches(" (*3)");
        // Named anew by the vendor.
        if id != "0xA3F0" {
            assert_eq!(name, theirs, "{id}");
        }
    }
    assert_eq!(Product::all().count(), known.len());
}
