//! The rows of the trace: one struct a table, with the meaning and unit of every column.
//!
//! A row knows how to hand its cells to a [`Cells`] sink; the Arrow encoder and the row
//! digest in `sim-core` are two such sinks, so the two can never disagree about a column.
//! Times are nanoseconds since the start; `rep` is the replication, from 0.
//!
//! A table is written whole from the trace level `summary` on, unless it says otherwise
//! beside its version: the rows of a table `of jobs` each belong to one job, those of a table
//! `partly of jobs` to a job or to none, by the column `job`. Rows that belong to a job are
//! left out at `summary`, and kept for the sampled jobs at `sampled` ([`Detail`]).

use crate::money::Amount;
use crate::trace_level::Detail;

/// Key in an Arrow file's schema metadata under which [`Record::VERSION`] is written, in
/// decimal: how a reader knows that it understands the table.
pub const VERSION_KEY: &str = "arable.version";

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// Unsigned 32-bit integer that may be absent.
    OptU32,
    /// Unsigned 64-bit integer that may be absent.
    OptU64,
    /// Truth value.
    Bool,
    /// Money in the smallest unit: a 128-bit decimal without fraction.
    Amount,
    /// One of a few words (dictionary-encoded).
    Word,
    /// Free text.
    Text,
}

/// One column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: ColumnType,
    /// Meaning and unit.
    pub doc: &'static str,
}

/// Where the cells of a row go, in column order.
pub trait Cells {
    /// A 16-bit cell.
    fn u16(&mut self, value: u16);
    /// A 32-bit cell.
    fn u32(&mut self, value: u32);
    /// A 64-bit cell.
    fn u64(&mut self, value: u64);
    /// A 32-bit cell that may be absent.
    fn opt_u32(&mut self, value: Option<u32>);
    /// A 64-bit cell that may be absent.
    fn opt_u64(&mut self, value: Option<u64>);
    /// A truth value.
    fn bool(&mut self, value: bool);
    /// Money.
    fn amount(&mut self, value: Amount);
    /// One of a few words.
    fn word(&mut self, value: &'static str);
    /// Free text.
    fn text(&mut self, value: &str);
}

/// A row of a trace table.
pub trait Record: Send + 'static {
    /// Name of the table and of its file.
    const TABLE: &'static str;
    /// Version of its schema; raised when a column changes or goes.
    const VERSION: u32;
    /// Its columns, in order.
    const COLUMNS: &'static [Column];
    /// What the trace levels keep of it.
    const DETAIL: Detail = Detail::Whole;
    /// The job that the row belongs to, by which it is sampled.
    #[inline]
    fn of_job(&self) -> Option<u64> {
        None
    }
    /// Hands over the cells, in column order.
    fn cells(&self, to: &mut impl Cells);
}

macro_rules! cell {
    ($to:ident, $value:expr, u16) => {
        $to.u16($value)
    };
    ($to:ident, $value:expr, u32) => {
        $to.u32($value)
    };
    ($to:ident, $value:expr, u64) => {
        $to.u64($value)
    };
    ($to:ident, $value:expr, OptU32) => {
        $to.opt_u32($value)
    };
    ($to:ident, $value:expr, OptU64) => {
        $to.opt_u64($value)
    };
    ($to:ident, $value:expr, bool) => {
        $to.bool($value)
    };
    ($to:ident, $value:expr, Amount) => {
        $to.amount($value)
    };
    ($to:ident, $value:expr, Word) => {
        $to.word($value)
    };
    ($to:ident, $value:expr, Text) => {
        $to.text(&$value)
    };
}

macro_rules! column_type {
    (u16) => {
        ColumnType::U16
    };
    (u32) => {
        ColumnType::U32
    };
    (u64) => {
        ColumnType::U64
    };
    (OptU32) => {
        ColumnType::OptU32
    };
    (OptU64) => {
        ColumnType::OptU64
    };
    (bool) => {
        ColumnType::Bool
    };
    (Amount) => {
        ColumnType::Amount
    };
    (Word) => {
        ColumnType::Word
    };
    (Text) => {
        ColumnType::Text
    };
}

/// An absent-able 32-bit cell.
pub type OptU32 = Option<u32>;
/// An absent-able 64-bit cell.
pub type OptU64 = Option<u64>;
/// A word cell.
pub type Word = &'static str;
/// A text cell.
pub type Text = String;

macro_rules! detail {
    () => {};
    (of jobs) => {
        const DETAIL: Detail = Detail::OfJobs;
        #[inline]
        fn of_job(&self) -> Option<u64> {
            Some(self.job)
        }
    };
    (partly of jobs) => {
        const DETAIL: Detail = Detail::PartlyOfJobs;
        #[inline]
        fn of_job(&self) -> Option<u64> {
            self.job
        }
    };
}

macro_rules! tables {
    ($($(#[doc = $table_doc:literal])* $row:ident = $table:literal v $version:literal
    $($detail:ident)* {
        $($column:ident: $ty:tt = $doc:literal,)*
    })*) => {
        $(
            $(#[doc = $table_doc])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $row {
                $(#[doc = $doc] pub $column: $ty,)*
            }

            impl Record for $row {
                const TABLE: &'static str = $table;
                const VERSION: u32 = $version;
                const COLUMNS: &'static [Column] = &[
                    $(Column { name: stringify!($column), ty: column_type!($ty), doc: $doc },)*
                ];
                detail!($($detail)*);
                fn cells(&self, to: &mut impl Cells) {
                    $(cell!(to, self.$column, $ty);)*
                }
            }
        )*

        /// Every table: name, version, what a row is, columns.
        pub const TABLES: &[(&str, u32, &str, &[Column])] = &[
            $(($table, $version, concat!($($table_doc),*), $row::COLUMNS),)*
        ];

        /// What the trace levels keep of each table of [`TABLES`], in the same order.
        pub const DETAILS: &[Detail] = &[$($row::DETAIL,)*];
    };
}

tables! {
    /// One user job, written when it is final or has failed.
    JobRow = "jobs" v 1 of jobs {
        rep: u32 = "Replication.",
        job: u64 = "Name of the job; users' jobs count from 0.",
        subnet: u16 = "Subnet it was wanted in.",
        kind: Word = "Kind of work: inference.",
        prompt_tokens: u32 = "Tokens of the prompt.",
        output_tokens: u32 = "Tokens asked for.",
        via: OptU32 = "Validator node it travelled through.",
        provider: OptU32 = "Node whose answer was used.",
        hardware: Word = "Hardware of that node, or empty.",
        replicas: u32 = "How many providers worked on it.",
        submitted: u64 = "When the user sent it, ns.",
        started: OptU64 = "When the provider began, ns.",
        completed: OptU64 = "When the answer reached the user, ns.",
        included: OptU64 = "Height of the block that settles it.",
        finalised: OptU64 = "When that block became final, ns.",
        price: Amount = "Price of one accepted answer, smallest unit; paid only where the outcome is `final`.",
        outcome: Word = "`final`, `unserved`, `timed_out`, `refused`, `rejected`, or `open` at the horizon.",
        truth: Word = "Hidden truth of the answer: right, lazy, substituted, noisy, or empty.",
        quality_ppm: u32 = "Hidden quality of the answer, ppm.",
    }

    /// One observation: what a verifier said of a provider.
    ObservationRow = "observations" v 1 of jobs {
        rep: u32 = "Replication.",
        time: u64 = "When it was made, ns.",
        subnet: u16 = "Subnet.",
        verifier: u32 = "Node that observed.",
        subject: u32 = "Node observed.",
        job: u64 = "Occasion.",
        probe: bool = "Whether the occasion was a probe.",
        score_ppm: u32 = "Score, ppm.",
        confidence_ppm: u32 = "Confidence, ppm; 0 = taken on trust.",
        latency: u64 = "From request to answer, ns; 0 if no answer came.",
    }

    /// One block of the settlement chain.
    BlockRow = "blocks" v 1 {
        rep: u32 = "Replication.",
        height: u64 = "Number of the block.",
        time: u64 = "When it was produced, ns.",
        finalised: OptU64 = "When it became final, ns; absent at the horizon.",
        transactions: u32 = "Transactions in it.",
        backlog: u32 = "Transactions left waiting.",
        fees: Amount = "Fees paid in it, smallest unit.",
        minted: Amount = "Newly issued in it, smallest unit; 0 until it is final.",
    }

    /// One member of a subnet at the close of one reward period.
    EpochRow = "epochs" v 1 {
        rep: u32 = "Replication.",
        subnet: u16 = "Subnet.",
        epoch: u64 = "Period, from 0.",
        height: u64 = "Block at which it closed.",
        time: u64 = "When it closed, ns.",
        uid: u16 = "Place in the subnet.",
        node: u32 = "Node at that place.",
        stake: Amount = "Stake, smallest unit.",
        consensus: u16 = "Agreed weight, of 65535.",
        incentive: u16 = "Share of the providers' reward, of 65535.",
        dividends: u16 = "Share of the validators' reward, of 65535.",
        validator_trust: u16 = "Weight within consensus, of 65535.",
        validator_permit: bool = "Whether its weights count next period.",
        emission: Amount = "Paid for this period, smallest unit; a subnet's own coin counts at the price of its pool.",
    }

    /// One payment.
    PayoutRow = "payouts" v 1 partly of jobs {
        rep: u32 = "Replication.",
        time: u64 = "When, ns.",
        subnet: OptU32 = "Subnet, where one caused it.",
        epoch: OptU64 = "Period that caused it.",
        job: OptU64 = "Job that caused it.",
        node: OptU32 = "Receiver; absent for the treasury.",
        amount: Amount = "Smallest unit; a subnet's own coin counts at the price of its pool.",
        reason: Word = "incentive, dividend, price, fee, withheld, nominators.",
    }

    /// One participant: what it is, and what it did by the horizon.
    NodeRow = "nodes" v 1 {
        rep: u32 = "Replication.",
        node: u32 = "Node.",
        name: Text = "Stable name: group, subnet and number.",
        group: Text = "Group of the population.",
        role: Word = "validator or provider.",
        subnet: u16 = "Subnet.",
        uid: u16 = "Place in the subnet.",
        hardware: Text = "Hardware profile.",
        region: Text = "Region.",
        behaviour: Word = "honest, lazy, substituting, noisy; for validators honest or copying.",
        slots: u32 = "Jobs it can run at once.",
        initial_stake: Amount = "Stake at the start, smallest unit.",
        stake: Amount = "Stake at the horizon, smallest unit.",
        earned: Amount = "Everything it was paid, smallest unit; a subnet's own coin counts at the price of its pool.",
        jobs: u64 = "User jobs it finished.",
        probes: u64 = "Probes it finished.",
        busy: u64 = "Slot time in use, summed over slots, ns.",
    }

    /// The load of one class of hardware in one sampling interval.
    LoadRow = "load" v 1 {
        rep: u32 = "Replication.",
        time: u64 = "End of the interval, ns.",
        hardware: Word = "Hardware profile.",
        nodes: u32 = "Nodes of this class.",
        slots: u32 = "Their slots.",
        busy: u64 = "Slot time in use in the interval, summed, ns.",
        running: u32 = "Jobs running at the end of the interval.",
        waiting: u32 = "Jobs waiting at the end of the interval.",
    }

    /// One subnet's pool and economy at the close of one reward period.
    PoolRow = "pools" v 1 {
        rep: u32 = "Replication.",
        subnet: u16 = "Subnet.",
        epoch: u64 = "Period, from 0.",
        height: u64 = "Block at which it closed.",
        time: u64 = "When that block is due, ns.",
        tao: Amount = "TAO in the pool, smallest unit.",
        alpha: Amount = "Alpha in the pool, smallest unit.",
        alpha_out: Amount = "Alpha outside the pool, smallest unit.",
        price: u64 = "Price of one alpha at the pool, 10^-9 TAO.",
        moving_price: u64 = "Moving average of that price as the rules keep it, 10^-9 TAO.",
        share_ppb: u64 = "Share of the last block's TAO emission, 10^-9.",
        emitted: Amount = "TAO emission that reached the pool in this period, by injection or purchase, smallest unit.",
        bought: Amount = "TAO that users paid into the pool in this period, smallest unit.",
        sold: Amount = "TAO that users took out of the pool in this period, smallest unit.",
        owner: Amount = "Alpha paid to the owner, smallest unit.",
        miners: Amount = "Alpha set aside for providers, smallest unit.",
        validators: Amount = "Alpha set aside for validators, smallest unit.",
        root: Amount = "Alpha set aside for stakers on the root, smallest unit.",
        burned: Amount = "Alpha withheld from providers' pay in this period and burned, smallest unit.",
        burn_price: Amount = "Price of the next place in the subnet, smallest unit.",
        registered: u32 = "Places bought in this period.",
    }

    /// The whole network's coin at one moment.
    EconomyRow = "economy" v 1 {
        rep: u32 = "Replication.",
        time: u64 = "When, ns.",
        height: u64 = "The last block.",
        issuance: Amount = "TAO issued, less what was recycled, smallest unit.",
        emission: Amount = "TAO that the next block mints, smallest unit.",
        liquid: Amount = "TAO in accounts, smallest unit.",
        root: Amount = "TAO staked on the root, smallest unit.",
        pools: Amount = "TAO in pools and pending from them, smallest unit.",
        lost: Amount = "TAO burned or stranded, smallest unit.",
        price_sum: u64 = "Sum of the subnets' moving prices, 10^-9 TAO.",
        bar_ppb: u64 = "Bar of the emission gate, 10^-9 of the whole; 0 without one.",
        lock_cost: Amount = "Price of the next subnet, smallest unit.",
    }

    /// What consensus made of one reward period of one subnet.
    PeriodRow = "periods" v 1 {
        rep: u32 = "Replication.",
        subnet: u16 = "Subnet.",
        epoch: u64 = "Period, from 0.",
        height: u64 = "Block at which it closed.",
        time: u64 = "When that block is due, ns.",
        permits: u16 = "Members with a permit.",
        agreed: u16 = "Members whose consensus is above 0.",
        rewarded: u16 = "Members with an incentive above 0.",
        top_incentive: u16 = "The largest incentive, of 65535.",
        replaced: u16 = "Members whose place a newcomer took in this period.",
    }

    /// One fault or change of a parameter that took effect.
    FaultRow = "faults" v 1 {
        rep: u32 = "Replication.",
        time: u64 = "When, ns.",
        kind: Word = "crash, restart, partition, heal, parameter, subnet.",
        target: Text = "Node, regions, parameter path with the new value, or subnet that closed and opened.",
    }
}
