-- What is in the air now: one row per aircraft, rewritten with each position,
-- deleted when the aircraft has left.
CREATE TABLE aircraft
(
	icao24        text PRIMARY KEY,
	callsign      text NOT NULL,
	first_seen    timestamptz NOT NULL,
	last_seen     timestamptz NOT NULL,
	latitude      double precision NOT NULL,
	longitude     double precision NOT NULL,
	altitude      integer,              -- feet
	groundspeed   numeric(6,2),         -- knots
	track         real,                 -- degrees from north
	vertical_rate integer,              -- feet per minute
	positions     bigint NOT NULL       -- state vectors since first_seen
);

-- Every position ever received: only appended to.
CREATE TABLE state_vector
(
	icao24        text,
	at            timestamptz,
	callsign      text NOT NULL,
	latitude      double precision NOT NULL,
	longitude     double precision NOT NULL,
	altitude      integer,
	groundspeed   numeric(6,2),
	track         real,
	vertical_rate integer,
	PRIMARY KEY (icao24, at)
);
