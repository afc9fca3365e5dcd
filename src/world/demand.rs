//! Stage one: the next job, drawn or read from a request trace.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sim_types::{SimTime, StateMachine, Stream};
use workloads::demand::{self, Demand};
use workloads::request_trace::{Decoder, Format, Request};

use super::event::{Event, USERS};
use super::{Now, Trouble, World};

/// Where jobs come from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) rule: Demand,
    pub(super) file: Option<TraceFile>,
    /// Jobs that have arrived.
    arrived: u32,
    /// Arrival of the job drawn last.
    last: SimTime,
}

/// A request trace, read line by line in constant memory.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TraceFile {
    path: PathBuf,
    format: Format,
    decoder: Decoder,
    /// Bytes read so far: where to go on after a restore.
    position: u64,
    #[serde(skip)]
    reader: Option<BufReader<File>>,
}

impl Source {
    pub(super) fn new(rule: Demand, file: Option<TraceFile>) -> Self {
        Self { rule, file, arrived: 0, last: SimTime::ZERO }
    }
}

impl World {
    /// Takes the number of the job that just arrived.
    pub(super) fn count_job(&mut self) -> u32 {
        let count = self.demand.arrived;
        self.demand.arrived += 1;
        count
    }

    /// Draws the next job and schedules its arrival.
    pub(super) fn next_job(&mut self, cx: &mut Now<'_>) {
        let source = &mut self.demand;
        let mut effects = Vec::new();
        let mut input = Some(demand::Input::Next {
            now: source.last,
            stream: Stream::new(self.keys.arrivals, source.arrived.into()),
        });
        while let Some(next) = input.take() {
            if source.rule.apply(next, &mut effects).is_err() {
                return;
            }
            for effect in effects.drain(..) {
                match effect {
                    demand::Effect::Arrives { at, prompt_tokens, output_tokens, patience } => {
                        source.last = at;
                        let event = Event::JobSubmitted {
                            prompt_tokens,
                            output_tokens,
                            patience: patience.0,
                        };
                        cx.after(USERS, at.since(cx.now()), event);
                    }
                    demand::Effect::ReadRequest => {
                        let read = source.file.as_mut().map_or(Ok(None), TraceFile::read);
                        match read {
                            Ok(request) => {
                                input = Some(demand::Input::Read { now: source.last, request });
                            }
                            Err(trouble) => {
                                self.trouble.get_or_insert(trouble);
                                return;
                            }
                        }
                    }
                    demand::Effect::Rewind => {
                        if let Some(file) = &mut source.file {
                            file.rewind();
                        }
                    }
                    demand::Effect::Ended => {}
                }
            }
        }
    }
}

impl TraceFile {
    /// A trace at its beginning; the file is opened when the first request is wanted.
    pub(super) fn new(path: PathBuf, format: Format) -> Self {
        Self { path, format, decoder: Decoder::new(format), position: 0, reader: None }
    }

    fn rewind(&mut self) {
        *self = Self::new(core::mem::take(&mut self.path), self.format);
    }

    /// The next request, or `None` at the end of the trace.
    fn read(&mut self) -> Result<Option<Request>, Trouble> {
        loop {
            let line = self.next_line().map_err(|error| self.trouble(&error.to_string()))?;
            let Some(line) = line else { return Ok(None) };
            match self.decoder.line(&line) {
                Ok(None) => {}
                Ok(Some(request)) => return Ok(Some(request)),
                Err(error) => return Err(self.trouble(&error.to_string())),
            }
        }
    }

    fn next_line(&mut self) -> io::Result<Option<String>> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            closed => {
                let mut file = File::open(&self.path)?;
                file.seek(SeekFrom::Start(self.position))?;
                closed.insert(BufReader::new(file))
            }
        };
        let limit = self.format.longest_line() as u64 + 1;
        let mut line = Vec::new();
        let read = reader.by_ref().take(limit).read_until(b'\n', &mut line)?;
        self.position += read as u64;
        if read == 0 {
            return Ok(None);
        }
        let text = String::from_utf8(line)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a line is not UTF-8"))?;
        Ok(Some(text))
    }

    fn trouble(&self, reason: &str) -> Trouble {
        Trouble::Demand { file: self.path.display().to_string(), reason: reason.to_owned() }
    }
}
