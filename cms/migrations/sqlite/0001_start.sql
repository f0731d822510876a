CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL) WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('feed', 0);

CREATE TABLE categories (
  slug TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, position BIGINT NOT NULL
);
CREATE TABLE departments (
  slug TEXT PRIMARY KEY, name TEXT NOT NULL, telephone TEXT NOT NULL, mail TEXT NOT NULL,
  place TEXT NOT NULL, hours TEXT NOT NULL, position BIGINT NOT NULL
);
CREATE TABLE users (
  id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
  password_hash TEXT NOT NULL
);
-- The id is a hash of what the browser holds, so that a copy of the database opens no session.
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, user_id BIGINT NOT NULL REFERENCES users (id), csrf TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE TABLE media (
  id TEXT PRIMARY KEY, file_name TEXT NOT NULL, content_type TEXT NOT NULL, bytes BIGINT NOT NULL,
  width BIGINT, height BIGINT, alt TEXT NOT NULL, added_at BIGINT NOT NULL
);
CREATE TABLE pages (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, path TEXT NOT NULL UNIQUE,
  category TEXT NOT NULL REFERENCES categories (slug),
  department TEXT NOT NULL REFERENCES departments (slug),
  language TEXT NOT NULL, translation_of BIGINT REFERENCES pages (id), urgent BIGINT NOT NULL,
  title TEXT NOT NULL, summary TEXT NOT NULL, newest_revision BIGINT NOT NULL,
  live_revision BIGINT, live_title TEXT, live_summary TEXT,
  published_at BIGINT, updated_at BIGINT NOT NULL, withdrawn_at BIGINT,
  event_starts TEXT, event_ends TEXT, event_place TEXT
);
CREATE INDEX pages_by_category ON pages (category, language, updated_at);
CREATE INDEX pages_by_department ON pages (department, language, updated_at);
CREATE INDEX pages_by_update ON pages (language, updated_at);
CREATE INDEX pages_by_event ON pages (event_starts);
CREATE INDEX pages_by_original ON pages (translation_of);
CREATE TABLE revisions (
  page_id BIGINT NOT NULL REFERENCES pages (id), number BIGINT NOT NULL, title TEXT NOT NULL,
  summary TEXT NOT NULL, document TEXT NOT NULL, fields TEXT NOT NULL, author TEXT NOT NULL,
  created_at BIGINT NOT NULL, PRIMARY KEY (page_id, number)
);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, at BIGINT NOT NULL, actor_id BIGINT, actor TEXT NOT NULL,
  action TEXT NOT NULL, page_id BIGINT, before_revision BIGINT, after_revision BIGINT, detail TEXT NOT NULL
);
-- One row a public URL, with the number of its last change; what edges' warmers read.
CREATE TABLE public_urls (
  path TEXT PRIMARY KEY, seq BIGINT NOT NULL UNIQUE, version TEXT NOT NULL, tags TEXT NOT NULL,
  withdrawn BIGINT NOT NULL
);
-- One row an edge and purge, so that each acknowledges for itself.
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY, edge TEXT NOT NULL, purge TEXT NOT NULL, page_id BIGINT,
  created_at BIGINT NOT NULL, attempts BIGINT NOT NULL, last_error TEXT, acknowledged_at BIGINT
);
CREATE INDEX jobs_open ON jobs (edge, id) WHERE acknowledged_at IS NULL;
CREATE INDEX jobs_by_page ON jobs (page_id, id);
CREATE VIRTUAL TABLE page_search USING fts5 (tokens);
