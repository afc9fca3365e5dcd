//! Waiting lines before a number of servers; nobody is interrupted.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Customer, Step};

/// One line, or one for each class, and servers that take the head of the first line that is
/// not empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// Servers that stand idle and have not yet been used once.
    unused: u32,
    /// Who is in each server that was ever used.
    slots: Vec<Option<Customer>>,
    /// Used servers that stand idle.
    free: Vec<u32>,
    /// Whether classes have lines of their own.
    by_class: bool,
    waiting: Vec<VecDeque<Customer>>,
    away: bool,
}

impl Lines {
    pub(super) fn new(servers: u32, by_class: bool) -> Self {
        Self {
            unused: servers,
            slots: Vec::new(),
            free: Vec::new(),
            by_class,
            waiting: vec![VecDeque::new()],
            away: false,
        }
    }

    #[inline]
    pub(super) fn arrive(&mut self, customer: Customer) -> Step {
        if !self.away {
            if let Some(slot) = self.free.pop() {
                return self.begin(slot, customer);
            }
            if self.unused > 0 {
                return self.open(customer);
            }
        }
        let line = if self.by_class { usize::from(customer.class) } else { 0 };
        if line >= self.waiting.len() {
            self.waiting.resize(line + 1, VecDeque::new());
        }
        self.waiting[line].push_back(customer);
        Step::Nothing
    }

    #[inline]
    pub(super) fn complete(&mut self, slot: u32) -> Option<(Customer, Step)> {
        let done = self.slots.get_mut(slot as usize)?.take()?;
        let step = if let Some(customer) = self.next() {
            self.begin(slot, customer)
        } else {
            self.free.push(slot);
            Step::Nothing
        };
        Some((done, step))
    }

    pub(super) fn leave(&mut self) {
        self.away = true;
    }

    pub(super) fn come_back(&mut self) -> Step {
        self.away = false;
        match self.next() {
            Some(customer) => self.arrive(customer),
            None => Step::Nothing,
        }
    }

    pub(super) fn present(&self) -> impl Iterator<Item = &Customer> {
        self.slots.iter().flatten().chain(self.waiting.iter().flatten())
    }

    #[inline]
    fn next(&mut self) -> Option<Customer> {
        self.waiting.iter_mut().find_map(VecDeque::pop_front)
    }

    #[inline]
    fn begin(&mut self, slot: u32, customer: Customer) -> Step {
        self.slots[slot as usize] = Some(customer);
        Step::Begin { slot, after: customer.work }
    }

    /// Uses a server for the first time.
    #[cold]
    #[expect(clippy::cast_possible_truncation, reason = "servers are counted in 32 bits")]
    fn open(&mut self, customer: Customer) -> Step {
        self.unused -= 1;
        let slot = self.slots.len() as u32;
        self.slots.push(None);
        self.begin(slot, customer)
    }
}
