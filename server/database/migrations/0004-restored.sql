-- When this log came out of a backup: until an operator arms it again, a restored city pages nobody.
ALTER TABLE log_state ADD COLUMN IF NOT EXISTS restored_at timestamptz;
