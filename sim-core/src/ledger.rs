//! Who has how much. Every unit is accounted for: what the accounts hold is what was minted
//! less what was burned, checked at every step in release builds too.

use serde::{Deserialize, Serialize};
use sim_types::{AccountId, Amount};

/// Accounts and their balances. The first accounts belong to the nodes, in order; accounts
/// opened by name (treasury, escrow, fees) follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    balances: Vec<Amount>,
    /// Accounts of nodes: those without a name.
    nodes: u32,
    /// Names of the accounts after them.
    names: Vec<String>,
    /// Sum of the balances, kept by every credit and debit.
    held: Amount,
    issued: Amount,
    burned: Amount,
}

/// An account holds less than was asked of it. Nothing was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("account {account} holds {balance}, asked for {asked}")]
pub struct Short {
    /// The account.
    pub account: AccountId,
    /// What it holds, smallest unit.
    pub balance: Amount,
    /// What was asked, smallest unit.
    pub asked: Amount,
}

/// The books do not balance: a bug in the ledger itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("accounts hold {held}, but {issued} were issued and {burned} burned")]
pub struct Unbalanced {
    /// Sum of all balances.
    pub held: Amount,
    /// Everything ever minted.
    pub issued: Amount,
    /// Everything ever burned.
    pub burned: Amount,
}

impl Ledger {
    /// Empty accounts 0 to `nodes` − 1.
    #[must_use]
    pub fn new(nodes: u32) -> Self {
        Self {
            balances: vec![Amount::ZERO; nodes as usize],
            nodes,
            names: Vec::new(),
            held: Amount::ZERO,
            issued: Amount::ZERO,
            burned: Amount::ZERO,
        }
    }

    /// The account called `name`, opened empty if there is none.
    ///
    /// # Panics
    /// When 2^32 accounts are open.
    pub fn open(&mut self, name: &str) -> AccountId {
        if let Some(account) = self.find(name) {
            return account;
        }
        let id = u32::try_from(self.balances.len()).expect("fewer than 2^32 accounts");
        self.balances.push(Amount::ZERO);
        self.names.push(name.to_owned());
        AccountId(id)
    }

    /// The account called `name`, if it is open.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<AccountId> {
        let place = self.names.iter().position(|known| known == name)?;
        Some(AccountId(self.nodes + u32::try_from(place).ok()?))
    }

    /// The name of an account that was opened by name.
    #[must_use]
    pub fn name(&self, account: AccountId) -> Option<&str> {
        let place = account.0.checked_sub(self.nodes)?;
        self.names.get(place as usize).map(String::as_str)
    }

    /// Every account in order.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, Amount)> + '_ {
        (0_u32..).map(AccountId).zip(self.balances.iter().copied())
    }

    /// Issues new money.
    ///
    /// # Panics
    /// When the account is not open, or 2^128 units would be outstanding.
    pub fn mint(&mut self, to: AccountId, amount: Amount) {
        self.issued += amount;
        self.credit(to, amount);
        self.check();
    }

    /// Destroys money.
    ///
    /// # Errors
    /// When the account holds less; nothing changes.
    ///
    /// # Panics
    /// When the account is not open.
    pub fn burn(&mut self, from: AccountId, amount: Amount) -> Result<(), Short> {
        self.debit(from, amount)?;
        self.burned += amount;
        self.check();
        Ok(())
    }

    /// Moves money. To the same account it changes nothing, but the money must be there.
    ///
    /// # Errors
    /// When `from` holds less; nothing changes.
    ///
    /// # Panics
    /// When an account is not open.
    pub fn transfer(
        &mut self,
        from: AccountId,
        to: AccountId,
        amount: Amount,
    ) -> Result<(), Short> {
        assert!((to.0 as usize) < self.balances.len(), "account {to} is not open");
        self.debit(from, amount)?;
        self.credit(to, amount);
        self.check();
        Ok(())
    }

    /// What an account holds.
    ///
    /// # Panics
    /// When the account is not open.
    #[must_use]
    pub fn balance(&self, account: AccountId) -> Amount {
        self.balances[account.0 as usize]
    }

    /// What all accounts hold together.
    #[must_use]
    pub fn total(&self) -> Amount {
        self.held
    }

    /// Everything ever minted.
    #[must_use]
    pub fn issued(&self) -> Amount {
        self.issued
    }

    /// Everything ever burned.
    #[must_use]
    pub fn burned(&self) -> Amount {
        self.burned
    }

    /// Adds up every account and compares with what was issued and burned.
    ///
    /// # Errors
    /// When the books do not balance.
    pub fn audit(&self) -> Result<(), Unbalanced> {
        let held: Amount = self.balances.iter().copied().sum();
        if held == self.held && held == self.issued - self.burned {
            return Ok(());
        }
        Err(Unbalanced { held, issued: self.issued, burned: self.burned })
    }

    fn credit(&mut self, to: AccountId, amount: Amount) {
        let Some(balance) = self.balances.get_mut(to.0 as usize) else {
            panic!("account {to} is not open")
        };
        *balance += amount;
        self.held += amount;
    }

    fn debit(&mut self, from: AccountId, amount: Amount) -> Result<(), Short> {
        let Some(balance) = self.balances.get_mut(from.0 as usize) else {
            panic!("account {from} is not open")
        };
        if *balance < amount {
            return Err(Short { account: from, balance: *balance, asked: amount });
        }
        *balance -= amount;
        self.held -= amount;
        Ok(())
    }

    /// The cheap half of the audit, after every operation: one subtraction and a comparison.
    fn check(&self) {
        assert!(self.held == self.issued - self.burned, "money is neither made nor lost");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn named_accounts_follow_the_nodes_and_open_once() {
        let mut ledger = Ledger::new(3);
        let treasury = ledger.open("treasury");
        assert_eq!(treasury, AccountId(3));
        assert_eq!(ledger.open("escrow"), AccountId(4));
        assert_eq!(ledger.open("treasury"), treasury);
        assert_eq!(ledger.name(treasury), Some("treasury"));
        assert_eq!(ledger.find("escrow"), Some(AccountId(4)));
        assert_eq!((ledger.name(AccountId(2)), ledger.find("fees")), (None, None));
    }

    #[test]
    fn a_short_account_says_so_and_nothing_moves() {
        let mut ledger = Ledger::new(2);
        let (a, b) = (AccountId(0), AccountId(1));
        ledger.mint(a, Amount(5));
        let before = ledger.clone();
        let short = Short { account: a, balance: Amount(5), asked: Amount(6) };
        assert_eq!(ledger.transfer(a, b, Amount(6)), Err(short));
        assert_eq!(ledger.burn(a, Amount(6)), Err(short));
        assert_eq!(ledger, before);
        assert_eq!(ledger.transfer(a, b, Amount(5)), Ok(()));
        assert_eq!((ledger.balance(a), ledger.balance(b)), (Amount(0), Amount(5)));
    }

    #[test]
    fn an_audit_finds_a_unit_that_came_from_nowhere() {
        let mut ledger = Ledger::new(1);
        ledger.mint(AccountId(0), Amount(5));
        assert_eq!(ledger.audit(), Ok(()));
        ledger.balances[0] += Amount(1);
        assert!(ledger.audit().is_err());
    }

    proptest! {
        /// Against plain signed sums kept beside the ledger.
        #[test]
        fn nothing_is_lost_in_any_order_of_operations(
            steps in proptest::collection::vec((0..3_u8, 0..4_u32, 0..4_u32, 0..50_u128), 0..200),
        ) {
            let mut ledger = Ledger::new(4);
            let mut expected = [0_i64; 4];
            for (what, from, to, amount) in steps {
                let (a, b, x) = (AccountId(from), AccountId(to), Amount(amount));
                let signed = i64::try_from(amount).expect("small");
                let enough = expected[from as usize] >= signed;
                match what {
                    0 => {
                        ledger.mint(b, x);
                        expected[to as usize] += signed;
                    }
                    1 => {
                        prop_assert_eq!(ledger.burn(a, x).is_ok(), enough);
                        if enough { expected[from as usize] -= signed; }
                    }
                    _ => {
                        prop_assert_eq!(ledger.transfer(a, b, x).is_ok(), enough);
                        if enough {
                            expected[from as usize] -= signed;
                            expected[to as usize] += signed;
                        }
                    }
                }
                prop_assert_eq!(ledger.audit(), Ok(()));
                let total: i64 = expected.iter().sum();
                prop_assert_eq!(ledger.total(), Amount(u128::try_from(total).expect("positive")));
            }
            for (account, balance) in ledger.accounts() {
                let want = expected[account.0 as usize];
                prop_assert_eq!(balance, Amount(u128::try_from(want).expect("positive")));
            }
        }
    }
}
