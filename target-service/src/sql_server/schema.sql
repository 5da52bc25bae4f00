-- The tables of the service's content. The same text runs on PostgreSQL and on the stand-in.

CREATE TABLE documents (
    id BIGINT PRIMARY KEY,
    title TEXT NOT NULL,
    topic TEXT NOT NULL,
    body TEXT NOT NULL,
    -- How often it was written, and with which embeddings it was indexed.
    version BIGINT NOT NULL,
    embedding_version TEXT NOT NULL,
    -- Milliseconds since 1970.
    updated_at BIGINT NOT NULL
);

CREATE INDEX documents_by_topic ON documents (topic, updated_at);

-- The parts of a document's body, in order: what an answer quotes.
CREATE TABLE chunks (
    document_id BIGINT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (document_id, ordinal)
);

-- Which word finds which document, and how much it counts.
CREATE TABLE keywords (
    word TEXT NOT NULL,
    document_id BIGINT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    weight DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (word, document_id)
);

CREATE INDEX keywords_by_document ON keywords (document_id);
