//! Small disks, read-only folders, few handles, no stderr, no stdout, another umask.
