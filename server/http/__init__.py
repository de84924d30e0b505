"""HTTP without what is asked: a socket, whole answers, problem documents, tokens."""
