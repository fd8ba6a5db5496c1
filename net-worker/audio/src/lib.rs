//! Samples, units, gain, pan, meters, resampling and the mix.
