-- The state of one pair, schema version 2.
--
-- Every row carries crc, the CRC-32C of its other columns, so a damaged row is
-- noticed when it is read; tally holds how many rows there must be, so a lost
-- row is noticed too. What no statement asks for stands packed in one blob
-- (packed.go). NULL is "not known" or empty. Times are seconds since
-- 1970 in UTC. Mailbox and file names are blobs: a name's components are
-- joined by NUL, and a file name need not be UTF-8. side is 0 (far) or
-- 1 (near).

CREATE TABLE meta (
  name  TEXT NOT NULL PRIMARY KEY, -- 'pair': whose state this is; 'schema': CRC-32C of the schema as stored
  value TEXT,
  crc   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (
  kind  INTEGER NOT NULL, -- the table, as numbered in tables.go
  scope INTEGER NOT NULL, -- mailbox.id for message and record (the far one), otherwise 0
  rows  INTEGER NOT NULL, -- never 0: the row is dropped instead
  sum   INTEGER NOT NULL, -- the sum of the rows' crc
  crc   INTEGER NOT NULL,
  PRIMARY KEY (kind, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE side (
  side       INTEGER NOT NULL PRIMARY KEY,
  repository TEXT,
  identity   TEXT,
  trash      BLOB,
  bytes      INTEGER NOT NULL, -- mirror.BytesProbe
  memory     TEXT,             -- the repository's own
  quiet      INTEGER NOT NULL,
  pause      INTEGER NOT NULL, -- seconds
  pauseuntil INTEGER,          -- Unix seconds; NULL: never
  crc        INTEGER NOT NULL
) STRICT;

CREATE TABLE mailbox (
  id            INTEGER PRIMARY KEY,
  side          INTEGER NOT NULL,
  name          BLOB NOT NULL,
  origin        BLOB, -- what the side itself calls it, where that is another name
  role          TEXT,
  subscribed    INTEGER NOT NULL,
  -- The checkpoint: what a listing showed that was applied in full.
  uidvalidity   INTEGER NOT NULL,
  uidnext       INTEGER NOT NULL,
  highestmodseq INTEGER NOT NULL,
  messages      INTEGER NOT NULL,
  stamps        BLOB, -- Maildir only
  compared      INTEGER, -- Unix seconds; NULL: never
  atrest        INTEGER NOT NULL,
  crc           INTEGER NOT NULL,
  UNIQUE (name, side)
) STRICT;

CREATE TABLE message (
  mailbox  INTEGER NOT NULL REFERENCES mailbox(id),
  uid      INTEGER NOT NULL,
  base     BLOB, -- Maildir: the file's name before ":2,"
  flags    TEXT,
  -- size, INTERNALDATE, digests of header, key, body and all octets, decisive,
  -- mirror.Form, object id; see mirror.Identity
  packed   BLOB NOT NULL,
  crc      INTEGER NOT NULL,
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;

-- The unique index holds a near message to one record, as the primary key
-- holds a far one, and finds the record of a near message.
CREATE TABLE record (
  far_mailbox  INTEGER NOT NULL,
  far_uid      INTEGER NOT NULL,
  near_mailbox INTEGER NOT NULL,
  near_uid     INTEGER NOT NULL,
  -- far and near: flags after the last success, flags among them that the side
  -- cannot store, mirror.Confirmation; altered
  packed       BLOB NOT NULL,
  crc          INTEGER NOT NULL,
  PRIMARY KEY (far_mailbox, far_uid),
  UNIQUE (near_mailbox, near_uid),
  FOREIGN KEY (far_mailbox, far_uid) REFERENCES message(mailbox, uid),
  FOREIGN KEY (near_mailbox, near_uid) REFERENCES message(mailbox, uid)
) STRICT, WITHOUT ROWID;

-- Records of messages that another one may be alike to, by a hash of what they share
-- (alike.go): a hint, in no checksum. A record takes its marks with it.
CREATE TABLE alike (
  far_mailbox INTEGER NOT NULL,
  far_uid     INTEGER NOT NULL,
  mark        INTEGER NOT NULL,
  PRIMARY KEY (far_mailbox, far_uid, mark),
  FOREIGN KEY (far_mailbox, far_uid) REFERENCES record(far_mailbox, far_uid) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX alike_mark ON alike(mark);

-- Mailboxes stand here by name: an intent may announce one that has no row yet.
CREATE TABLE intent (
  id      INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
  side    INTEGER NOT NULL,
  mailbox BLOB,
  -- mirror.IntentKind, source, size, date, target, its UIDVALIDITY and UIDNEXT,
  -- reserved name, accepted, created, donated
  packed  BLOB NOT NULL,
  crc     INTEGER NOT NULL
) STRICT;

CREATE TABLE tomb (
  mailbox INTEGER NOT NULL REFERENCES mailbox(id),
  uid     INTEGER NOT NULL,
  since   INTEGER,
  crc     INTEGER NOT NULL,
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  mailbox INTEGER NOT NULL REFERENCES mailbox(id),
  uid     INTEGER NOT NULL,
  reason  TEXT,
  since   INTEGER,
  tries   INTEGER NOT NULL,
  next    INTEGER,
  crc     INTEGER NOT NULL,
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
  id      INTEGER PRIMARY KEY, -- ascending without gaps; old ones are dropped
  start   INTEGER,
  "end"   INTEGER,
  exit    INTEGER NOT NULL,
  summary TEXT, -- mirror.Summary and the settings as JSON
  crc     INTEGER NOT NULL
) STRICT;
