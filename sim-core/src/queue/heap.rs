//! A 4-ary heap: even cost for any mix of delays, best of all where little is pending.

use super::Item;

/// Children of one place.
const ARITY: usize = 4;

/// Items in heap order, the least key at the root.
#[derive(Debug, Clone)]
pub(super) struct Heap<E> {
    items: Vec<Item<E>>,
}

impl<E> Default for Heap<E> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<E: Copy> Heap<E> {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<&Item<E>> {
        self.items.first()
    }

    pub(super) fn capacity(&self) -> usize {
        self.items.capacity()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Item<E>> {
        self.items.iter()
    }

    /// Everything in it, in no particular order.
    pub(super) fn take(&mut self) -> Vec<Item<E>> {
        core::mem::take(&mut self.items)
    }

    #[inline]
    pub(super) fn push(&mut self, item: Item<E>) {
        let mut hole = self.items.len();
        self.items.push(item);
        let items = &mut self.items[..];
        while hole > 0 {
            let parent = (hole - 1) / ARITY;
            if items[parent].key < item.key {
                break;
            }
            items[hole] = items[parent];
            hole = parent;
        }
        items[hole] = item;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Item<E>> {
        let moved = self.items.pop()?;
        let items = &mut self.items[..];
        let Some(&root) = items.first() else { return Some(moved) };
        let mut hole = 0;
        loop {
            let child = hole * ARITY + 1;
            let (least, least_key) = if let Some(four) = items.get(child..child + ARITY) {
                // Without branches: which of four is least cannot be predicted.
                let low = usize::from(four[1].key < four[0].key);
                let high = 2 + usize::from(four[3].key < four[2].key);
                let least = if four[high].key < four[low].key { high } else { low };
                (child + least, four[least].key)
            } else {
                let rest = items.get(child..).unwrap_or_default();
                let Some(least) = (0..rest.len()).min_by_key(|&at| rest[at].key) else { break };
                (child + least, rest[least].key)
            };
            if moved.key < least_key {
                break;
            }
            items[hole] = items[least];
            hole = least;
        }
        items[hole] = moved;
        Some(root)
    }
}
