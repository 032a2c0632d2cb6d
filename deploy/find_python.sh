#!/bin/sh
# Prints a Python that this project runs on (3.11 to 3.13), or says what to install.
# PYTHON=... names one to use.
seen=""
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    # Asked, not only looked for: a version manager puts commands in PATH that only say no.
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    case $version in
        3.11 | 3.12 | 3.13)
            command -v "$candidate"
            exit 0
            ;;
    esac
    seen="$seen $version"
done
echo "Python 3.11, 3.12 or 3.13 is needed; found here:${seen:- none}." >&2
echo "Debian 12 and Ubuntu 24.04 have one (apt-get install python3 python3-venv); or name yours: make PYTHON=/path/to/python3.12 ..." >&2
exit 1
