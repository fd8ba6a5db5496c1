//! A frame of samples to a payload and back; concealment by the codec.
