//! A run that is stored and continued is the same run.

mod common;

use common::{Throwers, throwers};
use proptest::prelude::*;
use sim_core::{Engine, Stop, Watch};
use sim_types::SimTime;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_stored_run_continues_as_if_never_interrupted(
        seed in any::<u64>(), interruptions in proptest::collection::vec(0..900_u64, 1..4),
    ) {
        let horizon = SimTime(80_000);
        let mut whole = throwers(seed, 5, 12, 50).watched(Watch::capture(10..20));
        whole.run_until(horizon, u64::MAX);
        let mut stored = throwers(seed, 5, 12, 50).watched(Watch::capture(10..20));
        for events in interruptions {
            stored.run_until(horizon, events);
            let text = serde_json::to_string(&stored).expect("serialises");
            stored = serde_json::from_str::<Engine<Throwers>>(&text).expect("reads back");
            prop_assert_eq!(serde_json::to_string(&stored).expect("serialises"), text);
        }
        prop_assert_eq!(stored.run_until(horizon, u64::MAX), Stop::Horizon);
        prop_assert_eq!(stored.digest(), whole.digest());
        prop_assert_eq!(stored.log(), whole.log());
        prop_assert_eq!(stored.ties(), whole.ties());
        prop_assert_eq!(stored.model().times_bored, whole.model().times_bored);
        prop_assert!(whole.model().times_bored > 0, "timers both fire and are cancelled");
    }
}
