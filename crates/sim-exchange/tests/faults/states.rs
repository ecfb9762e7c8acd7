//! The venue as a whole goes wrong, and comes back.

use crate::venue::{REST, Venue, code_of, json_of};
use crate::{SECOND, rule};

#[test]
fn f57_clock_skew_shifts_server_time_and_judges_timestamps_by_it() {
    for skew in [5_000_i64, -5_000] {
        let text = format!("action = \"clock_skew\"\nms = {skew}\nfrom_s = 10\nuntil_s = 20");
        let mut venue = Venue::new(&rule(&text));
        let offset = |venue: &mut Venue| {
            json_of(&venue.time())["serverTime"].as_i64().unwrap() - venue.now.as_millis()
        };
        assert_eq!(offset(&mut venue), 0);
        assert_eq!(venue.place(REST, "a-1").response.status, 200);
        venue.pass(SECOND * 11);
        assert_eq!(offset(&mut venue), skew);
        let served = venue.place(&[REST, &[("recvWindow", "3000")]].concat(), "a-2");
        assert_eq!(code_of(&served), Some(-1021));
        let user = venue.open("/ws-api/v3", "");
        venue.ws(user, "order.place", &[REST, &[("recvWindow", "3000")]].concat());
        assert_eq!(venue.frames(user)[0]["error"]["code"], -1021);
        venue.pass(SECOND * 10);
        assert_eq!(offset(&mut venue), 0);
        assert_eq!(venue.place(REST, "a-3").response.status, 200);
    }
}

#[test]
fn filters_change_at_a_time_and_go_back() {
    for (change, failure) in [
        ("tick_size = \"7\"", "PRICE_FILTER"),
        ("step_size = \"0.0007\"", "LOT_SIZE"),
        ("min_notional = 50", "NOTIONAL"),
    ] {
        let text = format!("action = \"filters\"\nsymbol = \"BTCUSDT\"\n{change}\nfrom_s = 5\nuntil_s = 10");
        let mut venue = Venue::new(&rule(&text));
        assert_eq!(venue.place(REST, "a-1").response.status, 200);
        venue.pass(SECOND * 6);
        let served = venue.place(REST, "a-2");
        assert_eq!(code_of(&served), Some(-1013));
        assert_eq!(json_of(&served)["msg"], format!("Filter failure: {failure}"));
        venue.pass(SECOND * 5);
        assert_eq!(venue.place(REST, "a-3").response.status, 200);
    }
}
