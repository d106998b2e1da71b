"""What was seen on the wire: exchanges, transcripts, observations of a system, and their files. Pure: no sockets."""
