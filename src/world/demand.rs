//! Stage one: the next job, drawn or read from a request trace.
//!
//! Demand depends on nothing that happens in the network, so jobs are drawn as far ahead as
//! the islands are about to live.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, SimTime, StateMachine, Stream};
use workloads::demand::{self, Demand};
use workloads::request_trace::{Decoder, Format, Request};

use super::event::{Event, USERS};
use super::{Trouble, World};

/// Where jobs come from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) rule: Demand,
    pub(super) file: Option<TraceFile>,
    /// Jobs that have arrived.
    arrived: u32,
    /// Arrival of the job drawn last.
    last: SimTime,
    /// The job drawn last, where it has not arrived yet.
    next: Option<Arrival>,
    /// There will be no further job.
    ended: bool,
}

/// A job on its way.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Arrival {
    at: SimTime,
    prompt_tokens: u32,
    output_tokens: u32,
    patience: SimDuration,
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
        Self { rule, file, arrived: 0, last: SimTime::ZERO, next: None, ended: false }
    }
}

impl World {
    /// Schedules the jobs that arrive up to and including `until`, each in its subnet.
    pub(super) fn send_jobs(&mut self, until: SimTime) {
        while let Some(job) = self.next_job() {
            if job.at > until {
                self.demand.next = Some(job);
                return;
            }
            let count = self.demand.arrived;
            self.demand.arrived += 1;
            let mut stream = Stream::new(self.keys.subnet, count.into());
            let subnet = stream.below(self.islands.len() as u64);
            let island = &mut self.islands[usize::try_from(subnet).expect("below the subnets")];
            let event = Event::JobSubmitted {
                count,
                prompt_tokens: job.prompt_tokens,
                output_tokens: job.output_tokens,
                patience: job.patience.0,
            };
            island
                .schedule(USERS, job.at.max(island.now()), event)
                .expect("no job arrives before the present moment");
        }
    }

    /// The next job that has not arrived.
    fn next_job(&mut self) -> Option<Arrival> {
        let source = &mut self.demand;
        if source.next.is_some() || source.ended {
            return source.next.take();
        }
        let mut effects = Vec::new();
        let mut input = Some(demand::Input::Next {
            now: source.last,
            stream: Stream::new(self.keys.arrivals, source.arrived.into()),
        });
        while let Some(next) = input.take() {
            if source.rule.apply(next, &mut effects).is_err() {
                source.ended = true;
                break;
            }
            for effect in effects.drain(..) {
                match effect {
                    demand::Effect::Arrives { at, prompt_tokens, output_tokens, patience } => {
                        source.last = at;
                        let job = Arrival { at, prompt_tokens, output_tokens, patience };
                        source.next = Some(job);
                    }
                    demand::Effect::ReadRequest => {
                        let read = source.file.as_mut().map_or(Ok(None), TraceFile::read);
                        match read {
                            Ok(request) => {
                                input = Some(demand::Input::Read { now: source.last, request });
                            }
                            Err(trouble) => {
                                self.trouble.get_or_insert(trouble);
                                source.ended = true;
                                return None;
                            }
                        }
                    }
                    demand::Effect::Rewind => {
                        if let Some(file) = &mut source.file {
                            file.rewind();
                        }
                    }
                    demand::Effect::Ended => source.ended = true,
                }
            }
        }
        source.next.take()
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
