//! Damage: from random bytes to a single flipped bit in something real.

/// Xorshift: fast, and the same for the same seed.
pub struct Random(u64);

impl Random {
    /// A seed of 0 counts as 1.
    pub fn new(seed: u64) -> Self {
        Random(seed.max(1))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Less than `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.bits() % limit.max(1) as u64) as usize
    }
}

/// Makes datagrams from a corpus of real ones.
pub struct Mutator {
    /// What it draws on.
    pub random: Random,
    corpus: Vec<Vec<u8>>,
    /// Of the session under fire, with its own keys: overwritten in turn.
    learnt: usize,
    given: usize,
}

impl Mutator {
    /// An empty corpus means random bytes only.
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Self {
        let given = corpus.len();
        Mutator { random: Random::new(seed), corpus, learnt: 0, given }
    }

    /// Adds what was seen just now; the oldest of what was learnt before gives way.
    pub fn learn(&mut self, seen: Vec<Vec<u8>>) {
        for datagram in seen {
            let at = self.given + self.learnt % LEARNT_MAX;
            self.learnt += 1;
            match self.corpus.get_mut(at) {
                Some(old) => *old = datagram,
                None => self.corpus.push(datagram),
            }
        }
    }

    /// The next input, written over `out`. Never an unchanged piece of the corpus.
    pub fn next(&mut self, out: &mut Vec<u8>) {
        out.clear();
        if self.corpus.is_empty() || self.random.below(8) == 0 {
            return self.random_bytes(out);
        }
        let pick = self.random.below(self.corpus.len());
        out.extend_from_slice(&self.corpus[pick]);
        for _ in 0..=self.random.below(3) {
            self.damage(out);
        }
        if *out == self.corpus[pick] {
            out.push(self.random.bits() as u8);
        }
    }

    /// Half of them with a first byte that some protocol claims.
    fn random_bytes(&mut self, out: &mut Vec<u8>) {
        let length = match self.random.below(4) {
            0 => self.random.below(24),
            1 => self.random.below(2300),
            _ => self.random.below(200),
        };
        out.extend((0..length).map(|_| self.random.bits() as u8));
        let starts = [0_u8, 1, 20, 22, 23, 128, 144, 191];
        let start = starts[self.random.below(starts.len())];
        let claim = self.random.below(2) == 0;
        if let Some(first) = out.first_mut().filter(|_| claim) {
            *first = start;
        }
    }

    fn damage(&mut self, out: &mut Vec<u8>) {
        let at = self.random.below(out.len());
        match self.random.below(9) {
            0..=2 if !out.is_empty() => out[at] ^= 1 << self.random.below(8),
            3 if !out.is_empty() => out[at] = self.random.bits() as u8,
            4 if !out.is_empty() => out[at] = [0, 1, 0x7F, 0x80, 0xFF][self.random.below(5)],
            5 => out.truncate(at),
            6 => {
                let more = self.random.below(40);
                out.extend((0..more).map(|_| self.random.bits() as u8));
            }
            7 => self.splice(out, at),
            _ => {
                let from = self.random.below(out.len());
                let piece: Vec<u8> = out[from.min(at)..from.max(at)].to_vec();
                let insert = self.random.below(out.len());
                out.splice(insert..insert, piece);
            }
        }
    }

    /// The start of one and the end of another.
    fn splice(&mut self, out: &mut Vec<u8>, at: usize) {
        let other = &self.corpus[self.random.below(self.corpus.len())];
        out.truncate(at);
        out.extend_from_slice(other.get(at..).unwrap_or(other));
    }
}

const LEARNT_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs_and_none_is_a_real_one() {
        let corpus = vec![vec![1; 30], vec![2; 5], Vec::new()];
        let (mut one, mut other) = (Mutator::new(7, corpus.clone()), Mutator::new(7, corpus.clone()));
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..10_000 {
            one.next(&mut a);
            other.next(&mut b);
            assert_eq!(a, b);
        }
    }
}
