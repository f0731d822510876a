-- Whether the session was opened with the second factor too; without it, it holds at the city hall alone.
ALTER TABLE sessions ADD COLUMN second_factor BIGINT NOT NULL DEFAULT 0;

-- The secret is what codes are made from, so it cannot be a hash. `last_step` is the newest step
-- whose code was used; `failures` are the wrong codes since the last right one.
CREATE TABLE second_factors (
  user_id BIGINT PRIMARY KEY REFERENCES users (id), secret TEXT NOT NULL, last_step BIGINT NOT NULL,
  failures BIGINT NOT NULL, last_failure_at BIGINT NOT NULL, enrolled_at BIGINT NOT NULL
);
-- A secret that was shown and not confirmed yet; it is of that session alone, and ends with it.
CREATE TABLE second_factor_offers (
  session_id TEXT PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE, secret TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE TABLE recovery_codes (
  user_id BIGINT NOT NULL REFERENCES users (id), digest TEXT NOT NULL, used_at BIGINT,
  PRIMARY KEY (user_id, digest)
);
