//! Slots and a waiting line: who runs, who waits, who is turned away.
//!
//! First come, first served. A job starts when a slot is free *and* its whole context fits
//! into what memory the running ones leave; while the first in line does not fit, nobody
//! overtakes it. The machine also keeps, in whole numbers, what the cost of a start depends
//! on: the contexts in slots and the node's ratio of prefill time to tokens answered.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sim_types::{Rejected, Share, SimDuration};

use super::Ticket;
use super::cost::Crowd;
use crate::models::float;

/// Work as it was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) ticket: Ticket,
    pub(super) prompt_tokens: u32,
    pub(super) output_tokens: u32,
    pub(super) work: Share,
}

/// A ticket in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Running {
    ticket: Ticket,
    /// Context tokens reserved for it.
    tokens: u64,
    /// Twice the context tokens in the mean over its steps.
    mean_context_x2: u64,
}

/// What became of submitted work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Started,
    Queued,
    Refused,
}

/// One node's serving machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    slots: u32,
    queue_limit: u32,
    /// Context tokens that fit, and that running jobs have reserved.
    room: u64,
    reserved: u64,
    /// Sum over the running jobs.
    mean_context_x2: u64,
    /// Prefill time and tokens to answer of all jobs ever started, nanoseconds and tokens.
    prefill_nanos: u64,
    answered_tokens: u64,
    /// In the order of their start.
    running: Vec<Running>,
    /// In the order of their arrival.
    waiting: VecDeque<Job>,
}

impl Job {
    fn tokens(&self) -> u64 {
        u64::from(self.prompt_tokens) + u64::from(self.output_tokens)
    }
}

impl Machine {
    pub(super) fn new(slots: u32, queue_limit: u32, room: u64) -> Self {
        Self {
            slots,
            queue_limit,
            room,
            reserved: 0,
            mean_context_x2: 0,
            prefill_nanos: 0,
            answered_tokens: 0,
            running: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most as many as slots")]
    pub(super) fn running(&self) -> u32 {
        self.running.len() as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most as many as the queue limit")]
    pub(super) fn waiting(&self) -> u32 {
        self.waiting.len() as u32
    }

    pub(super) fn submit(&mut self, job: Job) -> Admission {
        if self.waiting.is_empty() && self.fits(&job) {
            self.start(&job);
            Admission::Started
        } else if job.tokens() <= self.room && self.waiting() < self.queue_limit {
            self.waiting.push_back(job);
            Admission::Queued
        } else {
            Admission::Refused
        }
    }

    /// What a job finds around it that has just taken its slot and whose prefill takes so
    /// long; its own numbers are part of it.
    pub(super) fn crowd(&mut self, prefill: SimDuration, output_tokens: u32) -> Crowd {
        self.prefill_nanos = self.prefill_nanos.saturating_add(prefill.0);
        self.answered_tokens += u64::from(output_tokens.max(1));
        Crowd {
            sequences: self.running(),
            context: 0.5 * float(self.mean_context_x2),
            prefill_per_token: SimDuration(self.prefill_nanos).seconds()
                / float(self.answered_tokens),
        }
    }

    /// Frees the slot of a running ticket.
    pub(super) fn finish(&mut self, ticket: Ticket) -> Result<(), Rejected> {
        let slot = self.slot(ticket).ok_or(Rejected::NotOpen(ticket))?;
        let ended = self.running.remove(slot);
        self.reserved -= ended.tokens;
        self.mean_context_x2 -= ended.mean_context_x2;
        Ok(())
    }

    /// Takes a waiting ticket out of the line; a running one keeps its slot.
    pub(super) fn abandon(&mut self, ticket: Ticket) -> Result<(), Rejected> {
        if let Some(place) = self.waiting.iter().position(|job| job.ticket == ticket) {
            self.waiting.remove(place);
        } else if self.slot(ticket).is_none() {
            return Err(Rejected::NotOpen(ticket));
        }
        Ok(())
    }

    /// Starts the first in line, if it fits.
    pub(super) fn start_next(&mut self) -> Option<Job> {
        let job = *self.waiting.front().filter(|job| self.fits(job))?;
        self.waiting.pop_front();
        self.start(&job);
        Some(job)
    }

    /// Loses everything: running tickets, then waiting ones.
    pub(super) fn crash(&mut self) -> impl Iterator<Item = Ticket> {
        self.reserved = 0;
        self.mean_context_x2 = 0;
        let running = self.running.drain(..).map(|running| running.ticket);
        running.chain(self.waiting.drain(..).map(|job| job.ticket))
    }

    fn fits(&self, job: &Job) -> bool {
        self.running() < self.slots && self.reserved + job.tokens() <= self.room
    }

    fn start(&mut self, job: &Job) {
        let mean_context_x2 = job.tokens() + u64::from(job.prompt_tokens);
        self.reserved += job.tokens();
        self.mean_context_x2 += mean_context_x2;
        self.running.push(Running { ticket: job.ticket, tokens: job.tokens(), mean_context_x2 });
    }

    fn slot(&self, ticket: Ticket) -> Option<usize> {
        self.running.iter().position(|running| running.ticket == ticket)
    }
}
