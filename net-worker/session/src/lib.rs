//! One participant: peers, sources, playouts and routing.
