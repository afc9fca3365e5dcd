//! Arrays that kernels take and give, and the law by which inputs are drawn.

use half::bf16;

/// An array of one of the element types that kernels know. bf16 is kept as its bits in `U16`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each holds what its name says")]
pub enum Data {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F32(Vec<f32>),
}

macro_rules! typed {
    ($($variant:ident $element:ty, $shared:ident $unique:ident;)*) => {
        impl Data {
            $(
                #[doc = concat!("The elements of `", stringify!($variant), "`.")]
                ///
                /// # Panics
                /// When the elements are of another type.
                #[must_use]
                pub fn $shared(&self) -> &[$element] {
                    match self {
                        Self::$variant(v) => v,
                        other => panic!("{} where {} is meant", other.type_name(), stringify!($variant)),
                    }
                }
                #[doc = concat!("The elements of `", stringify!($variant), "`, to be written.")]
                ///
                /// # Panics
                /// When the elements are of another type.
                pub fn $unique(&mut self) -> &mut [$element] {
                    match self {
                        Self::$variant(v) => v,
                        other => panic!("{} where {} is meant", other.type_name(), stringify!($variant)),
                    }
                }
            )*

            /// Name of the element type.
            #[must_use]
            pub fn type_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($variant),)* }
            }

            /// How many elements.
            #[must_use]
            pub fn len(&self) -> usize {
                match self { $(Self::$variant(v) => v.len(),)* }
            }

            /// The elements as they lie in memory.
            #[must_use]
            pub fn bytes(&self) -> &[u8] {
                match self { $(Self::$variant(v) => as_bytes(v),)* }
            }

            /// The elements as they lie in memory, to be written.
            pub fn bytes_mut(&mut self) -> &mut [u8] {
                match self { $(Self::$variant(v) => as_bytes_mut(v),)* }
            }
        }
        $(
            impl From<Vec<$element>> for Data {
                fn from(elements: Vec<$element>) -> Self {
                    Self::$variant(elements)
                }
            }
        )*
    };
}

typed! {
    U8 u8, u8 u8_mut;
    U16 u16, u16 u16_mut;
    U32 u32, u32 u32_mut;
    U64 u64, u64 u64_mut;
    F32 f32, f32 f32_mut;
}

impl Data {
    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn as_bytes<T: Copy>(elements: &[T]) -> &[u8] {
    #[expect(unsafe_code, reason = "plain numbers as bytes")]
    // SAFETY: T is one of the primitive numbers of `Data`: no padding, any byte is initialised.
    unsafe {
        std::slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements))
    }
}

fn as_bytes_mut<T: Copy>(elements: &mut [T]) -> &mut [u8] {
    #[expect(unsafe_code, reason = "plain numbers as bytes")]
    // SAFETY: as above, and every bit pattern is a number.
    unsafe {
        std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), size_of_val(elements))
    }
}

/// The one source of inputs: `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014) from a seed. An
/// input is a function of kernel, shape and seed alone, on every machine.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is positive; the bias is below n / 2^64.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform over the multiples of 2^-23 from -1 up to 1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / 8_388_608.0 - 1.0
    }

    /// `n` of [`Self::unit`], times `scale`.
    pub fn floats(&mut self, n: usize, scale: f32) -> Vec<f32> {
        (0..n).map(|_| self.unit() * scale).collect()
    }

    /// [`Self::floats`] in bf16.
    pub fn bf16s(&mut self, n: usize, scale: f32) -> Vec<u16> {
        (0..n).map(|_| bf16::from_f32(self.unit() * scale).to_bits()).collect()
    }

    /// `n` random bytes.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.bits().to_le_bytes()[0]).collect()
    }

    /// 0, 1, … n - 1 in random order (Fisher and Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut list: Vec<u32> = (0..).take(n).collect();
        for i in (1..n).rev() {
            let j = usize::try_from(self.below(i as u64 + 1)).unwrap_or(0);
            list.swap(i, j);
        }
        list
    }
}
