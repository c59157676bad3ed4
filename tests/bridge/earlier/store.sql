BEGIN TRANSACTION;
CREATE TABLE counter (
        device   TEXT NOT NULL,
        key      TEXT NOT NULL,
        state    TEXT NOT NULL,           -- last good value and what confirms a new one, as JSON
        PRIMARY KEY (device, key)
    ) STRICT, WITHOUT ROWID;
INSERT INTO "counter" VALUES('text_clamp','energy_total','{"integral":{"millijoules":35050,"last":["2026-11-28T19:34:30.588615114Z",5000]}}');
CREATE TABLE device (
        id       TEXT PRIMARY KEY,
        source   TEXT NOT NULL,           -- the section of the configuration that reached it
        json     TEXT NOT NULL            -- its description
    ) STRICT, WITHOUT ROWID;
INSERT INTO "device" VALUES('text_clamp','text@clamp','{"id":"text_clamp","adapter":"text","serial":"clamp","name":"Clamp","manufacturer":"","model":null,"firmware":null,"via":null,"area":null,"url":null,"rated_power":null,"metrics":[{"key":"power","behavior":"measurement","quantity":"power","decimals":0,"name":null,"role":"primary","enabled":true,"derived":null},{"key":"energy_total","behavior":"lifetime_counter","quantity":"energy","decimals":3,"name":"Energy total","role":"primary","enabled":true,"derived":{"integral_of":"power"}},{"key":"lines_refused","behavior":"measurement","quantity":"count","decimals":0,"name":"Lines refused","role":"connection","enabled":false,"derived":null},{"key":"values_refused","behavior":"measurement","quantity":"count","decimals":0,"name":"Values refused","role":"connection","enabled":false,"derived":null},{"key":"last_line","behavior":"text","quantity":null,"decimals":0,"name":"Last line","role":"connection","enabled":false,"derived":null},{"key":"connectivity","behavior":{"on_off":"connectivity"},"quantity":null,"decimals":0,"name":"Connection","role":"connection","enabled":true,"derived":null},{"key":"problem","behavior":{"on_off":"problem"},"quantity":null,"decimals":0,"name":"Problem","role":"connection","enabled":true,"derived":null},{"key":"reason","behavior":"text","quantity":null,"decimals":0,"name":"Status","role":"connection","enabled":true,"derived":null},{"key":"health","behavior":{"state":["starting","online","retrying","asleep","paused","unreachable","silent","stale","no_data","out_of_contact","degraded","garbled","unsupported","refused","key_missing","key_wrong","disabled","misconfigured","restarting"]},"quantity":null,"decimals":0,"name":"Status code","role":"connection","enabled":false,"derived":null}]}');
INSERT INTO "device" VALUES('text_gone','text@gone','{"id":"text_gone","adapter":"text","serial":"gone","name":"Gone","manufacturer":"","model":null,"firmware":null,"via":null,"area":null,"url":null,"rated_power":null,"metrics":[{"key":"power","behavior":"measurement","quantity":"power","decimals":0,"name":null,"role":"primary","enabled":true,"derived":null},{"key":"lines_refused","behavior":"measurement","quantity":"count","decimals":0,"name":"Lines refused","role":"connection","enabled":false,"derived":null},{"key":"values_refused","behavior":"measurement","quantity":"count","decimals":0,"name":"Values refused","role":"connection","enabled":false,"derived":null},{"key":"last_line","behavior":"text","quantity":null,"decimals":0,"name":"Last line","role":"connection","enabled":false,"derived":null},{"key":"connectivity","behavior":{"on_off":"connectivity"},"quantity":null,"decimals":0,"name":"Connection","role":"connection","enabled":true,"derived":null},{"key":"problem","behavior":{"on_off":"problem"},"quantity":null,"decimals":0,"name":"Problem","role":"connection","enabled":true,"derived":null},{"key":"reason","behavior":"text","quantity":null,"decimals":0,"name":"Status","role":"connection","enabled":true,"derived":null},{"key":"health","behavior":{"state":["starting","online","retrying","asleep","paused","unreachable","silent","stale","no_data","out_of_contact","degraded","garbled","unsupported","refused","key_missing","key_wrong","disabled","misconfigured","restarting"]},"quantity":null,"decimals":0,"name":"Status code","role":"connection","enabled":false,"derived":null}]}');
CREATE TABLE memory (
        source   TEXT NOT NULL,
        key      TEXT NOT NULL,
        json     TEXT NOT NULL,           -- what an adapter wants to find again
        PRIMARY KEY (source, key)
    ) STRICT, WITHOUT ROWID;
COMMIT;
PRAGMA user_version = 1;
