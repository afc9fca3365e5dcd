//! `arable schema`: the form of scenarios and of the trace.

use clap::{Args, ValueEnum};
use serde::Serialize;
use sim_types::record::{ColumnType, TABLES};

use super::output;
use crate::exit::Exit;
use crate::scenario;

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of what
    #[arg(value_enum, default_value_t = Of::Scenario)]
    of: Of,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// JSON schema of scenario files, for editors
    Scenario,
    /// JSON schema of the scenario files of models, for editors
    Model,
    /// JSON schema of sweep files, for editors
    Sweep,
    /// JSON schema of tuning files, for editors
    Tuning,
    /// JSON schema of sensitivity files, for editors
    Sensitivity,
    /// Tables and columns of the trace
    Trace,
}

#[derive(Serialize)]
struct Table {
    name: &'static str,
    version: u32,
    row: &'static str,
    columns: Vec<Column>,
}

#[derive(Serialize)]
struct Column {
    name: &'static str,
    r#type: &'static str,
    nullable: bool,
    meaning: &'static str,
}

impl Schema {
    pub(super) fn execute(self) -> Exit {
        match self.of {
            Of::Scenario => output::text(&scenario::schema()),
            Of::Model => output::text(&scenario::model_schema()),
            Of::Sweep => output::text(&scenario::sweep_schema()),
            Of::Tuning => output::text(&scenario::tuning_schema()),
            Of::Sensitivity => output::text(&scenario::sensitivity_schema()),
            Of::Trace => output::json(&tables()),
        }
    }
}

fn tables() -> Vec<Table> {
    TABLES
        .iter()
        .map(|&(name, version, row, columns)| Table {
            name,
            version,
            row: row.trim(),
            columns: columns.iter().map(column).collect(),
        })
        .collect()
}

fn column(column: &sim_types::record::Column) -> Column {
    let (r#type, nullable) = match column.ty {
        ColumnType::U16 => ("uint16", false),
        ColumnType::U32 => ("uint32", false),
        ColumnType::U64 => ("uint64", false),
        ColumnType::OptU32 => ("uint32", true),
        ColumnType::OptU64 => ("uint64", true),
        ColumnType::Bool => ("bool", false),
        ColumnType::Amount => ("decimal128(38, 0)", false),
        ColumnType::Word => ("dictionary<utf8>", false),
        ColumnType::Text => ("utf8", false),
    };
    Column { name: column.name, r#type, nullable, meaning: column.doc }
}
