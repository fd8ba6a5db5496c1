//! One encrypted path to one peer: ICE, DTLS-SRTP, RTP and the control channel.
