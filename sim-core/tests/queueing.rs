//! Queueing models against closed forms. Runs are long enough that the bound, a few standard
//! errors, is far from what any mistake in a discipline would give.

#![expect(clippy::unwrap_used, reason = "a failed assumption fails the test")]
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]

use sim_core::queueing::{
    Arrivals, Batch, Discipline, Law, Network, Observe, Route, SourceSpec, StationSpec,
};
use sim_core::{Engine, Streams};
use sim_types::{SimDuration, SimTime, math};

const SECOND: u64 = 1_000_000_000;

fn exponential(mean: f64) -> Law {
    Law::exponential(mean).unwrap()
}

/// A network run for so many seconds after a tenth of that, which is forgotten.
fn run(
    stations: Vec<StationSpec>,
    sources: Vec<SourceSpec>,
    customers: u32,
    seconds: u64,
) -> Engine<Network> {
    let mut engine = Network::new(stations, sources, &Streams::new(11, 0)).unwrap().start();
    engine.outside(|network, cx| network.place(0, customers, cx));
    let warm = SimTime(seconds / 10 * SECOND);
    engine.run_until(warm, u64::MAX);
    engine.model_mut().forget(warm);
    let end = SimTime(warm.0 + seconds * SECOND);
    engine.run_until(end, u64::MAX);
    engine.model_mut().settle(end);
    engine
}

fn poisson(rate: f64) -> SourceSpec {
    SourceSpec::renewal(exponential(1.0 / rate), Route::To(0))
}

#[track_caller]
fn near(got: f64, want: f64, rel: f64) {
    assert!((got - want).abs() <= rel * want, "{got} for {want}");
}

/// Mean numbers at load 0.5, all of which differ between disciplines and service laws.
#[test]
fn one_station_holds_as_many_as_theory_says() {
    let two = |discipline| StationSpec::new(1, exponential(1.0)).with_discipline(discipline);
    let h2 = Law::hyperexponential_by_cv(1.0, 2.0).unwrap();
    let vacation = StationSpec { vacation: Some(exponential(2.0)), ..two(Discipline::Fifo) };
    let batches = SourceSpec { batch: Batch::Geometric { p: 0.5 }, ..poisson(0.25) };
    let table: Vec<(&str, StationSpec, SourceSpec, f64)> = vec![
        ("M/M/1", two(Discipline::Fifo), poisson(0.5), 1.0),
        ("M/D/1", StationSpec::new(1, Law::deterministic(1.0).unwrap()), poisson(0.5), 0.75),
        ("M/H2/1", StationSpec::new(1, h2.clone()), poisson(0.5), 1.75),
        (
            "M/H2/1-PS",
            StationSpec::new(1, h2.clone()).with_discipline(Discipline::Sharing),
            poisson(0.5),
            1.0,
        ),
        (
            "M/H2/1-LCFS-PR",
            StationSpec::new(1, h2).with_discipline(Discipline::LastPreemptive),
            poisson(0.5),
            1.0,
        ),
        ("M/M/2", StationSpec::new(2, exponential(1.0)), poisson(1.0), 4.0 / 3.0),
        (
            "M/M/2-PS",
            StationSpec::new(2, exponential(1.0)).with_discipline(Discipline::Sharing),
            poisson(1.0),
            4.0 / 3.0,
        ),
        ("M/M/inf", StationSpec::infinite(exponential(1.0)), poisson(3.0), 3.0),
        ("M/M/1/1", two(Discipline::Fifo).with_capacity(1), poisson(1.0), 0.5),
        // Waiting grows by the residual vacation, here its mean.
        ("M/M/1 with vacations", vacation, poisson(0.5), 2.0),
        // lambda (E[X] + E[X^2]) / (2 mu (1 - rho)).
        ("M[X]/M/1", two(Discipline::Fifo), batches, 2.0),
    ];
    for (name, station, source, want) in table {
        let engine = run(vec![station], vec![source], 0, 200_000);
        let station = engine.model().station(0);
        println!("{name}: {} for {want}", station.levels.mean());
        near(station.levels.mean(), want, 0.03);
        // Little's law, up to the customers at the edges.
        let rate = station.sojourns[0].count() as f64 / station.levels.span();
        near(rate * station.sojourns[0].mean(), want, 0.03);
    }
}

/// Cobham's formulas at loads 0.3 and 0.4.
#[test]
fn priorities_separate_the_classes() {
    let sources = |first: u16, second: u16| {
        vec![
            SourceSpec { class: first, ..poisson(0.3) },
            SourceSpec { class: second, ..poisson(0.4) },
        ]
    };
    let station =
        |discipline| vec![StationSpec::new(1, exponential(1.0)).with_discipline(discipline)];
    let engine = run(station(Discipline::Priority), sources(0, 1), 0, 2_000_000);
    let waits = &engine.model().station(0).waits;
    near(waits[0].mean(), 1.0, 0.03);
    near(waits[1].mean(), 10.0 / 3.0, 0.05);
    let engine = run(station(Discipline::PreemptivePriority), sources(0, 1), 0, 2_000_000);
    let sojourns = &engine.model().station(0).sojourns;
    near(sojourns[0].mean(), 1.0 / 0.7, 0.03);
    near(sojourns[1].mean(), 1.0 / 0.7 + 0.7 / 0.21, 0.05);
}

/// A closed ring of two single servers of one rate with three customers: all four splits are
/// equally likely.
#[test]
fn a_closed_ring_keeps_its_customers() {
    let station = |to| StationSpec::new(1, exponential(1.0)).with_route(Route::To(to));
    let engine = run(vec![station(1), station(0)], vec![], 3, 200_000);
    let [a, b] = engine.model().stations() else { panic!("two stations") };
    for n in 0..=3 {
        near(a.levels.at(n), 0.25, 0.02);
    }
    assert_eq!(a.levels.area() + b.levels.area(), 3 * a.levels.total());
}

#[test]
fn thresholds_quantiles_and_busy_periods() {
    let observe = Observe {
        sojourn_beyond: SimDuration::from_secs(2),
        quantiles: true,
        busy_periods: true,
        ..Observe::default()
    };
    let station = StationSpec::new(1, exponential(1.0)).with_observe(observe);
    let engine = run(vec![station], vec![poisson(0.5)], 0, 300_000);
    let station = engine.model().station(0);
    near(station.sojourns[0].share_beyond(), math::exp(-1.0), 0.02);
    near(station.histogram.quantile(0.95).unwrap(), -2.0 * math::ln(0.05), 0.03);
    near(station.busy.mean(), 2.0, 0.03);
    near(station.busy.customers(), 2.0, 0.03);
    near(station.busy.variance(), 12.0, 0.15);
}

/// Numbers in the first 10 s of a rate 2 + sin(2 pi t): Poisson with mean 20.
#[test]
fn a_thinned_process_follows_its_rate() {
    let rate = "2+sin(2*pi*t)".parse().unwrap();
    let spec = SourceSpec::varying(rate, 10.0, Route::Exit);
    assert!(matches!(spec.arrivals, Arrivals::Thinned { bound, .. } if bound < 3.000_1));
    let runs = 4_000;
    let total: u64 = (0..runs)
        .map(|i| {
            let network = Network::new(vec![], vec![spec.clone()], &Streams::new(4, i)).unwrap();
            let mut engine = network.start();
            engine.run_until(SimTime::MAX, u64::MAX);
            engine.model().source(0).customers
        })
        .sum();
    near(total as f64 / f64::from(runs), 20.0, 0.02);
}

#[test]
fn descriptions_without_sense_are_refused() {
    let streams = Streams::new(0, 0);
    let one = || StationSpec::new(1, exponential(1.0));
    let table = [
        (one().with_route(Route::To(1)), "station 0 leads to station 1, but there are 1"),
        (StationSpec::new(0, exponential(1.0)), "station 0: no server"),
        (
            StationSpec::new(2, exponential(1.0)).with_discipline(Discipline::LastPreemptive),
            "station 0: a discipline that interrupts is defined for one server",
        ),
        (
            StationSpec {
                vacation: Some(exponential(1.0)),
                ..one().with_discipline(Discipline::Sharing)
            },
            "station 0: vacations are defined for one server that interrupts nobody",
        ),
    ];
    for (spec, want) in table {
        let error = Network::new(vec![spec], vec![], &streams).unwrap_err();
        assert_eq!(error.to_string(), want);
    }
    let frozen = SourceSpec::renewal(Law::deterministic(0.0).unwrap(), Route::Exit);
    assert!(Network::new(vec![], vec![frozen], &streams).is_err());
}

/// The engine stores and goes on in the middle of a run, whatever the discipline.
#[test]
fn a_stored_run_goes_on_as_if_nothing_had_happened() {
    let disciplines = [
        Discipline::Fifo,
        Discipline::Priority,
        Discipline::PreemptivePriority,
        Discipline::LastPreemptive,
        Discipline::Sharing,
    ];
    for discipline in disciplines {
        let station = StationSpec::new(1, exponential(1.0)).with_discipline(discipline);
        let sources = vec![SourceSpec { class: 1, ..poisson(0.5) }, poisson(0.3)];
        let network = Network::new(vec![station], sources, &Streams::new(3, 0)).unwrap();
        let mut whole = network.start();
        whole.run_until(SimTime(500 * SECOND), u64::MAX);
        let stored = serde_json::to_string(&whole).unwrap();
        let mut again: Engine<Network> = serde_json::from_str(&stored).unwrap();
        for engine in [&mut whole, &mut again] {
            engine.run_until(SimTime(1000 * SECOND), u64::MAX);
        }
        assert_eq!(whole.digest(), again.digest(), "{discipline:?}");
        assert!(whole.events_handled() > 1_000);
    }
}
