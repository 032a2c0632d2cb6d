-- Each service has its own database and reads no other.
CREATE DATABASE registration;
CREATE DATABASE venues;
CREATE DATABASE voting;
CREATE DATABASE jury;
