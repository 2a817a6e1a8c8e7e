#!/bin/sh
# Fill a folder with the public picture sets that some tests want: Pillow's own test
# images (its source distribution) and Debian's libjxl-testdata.
set -eu
folder=${1:?usage: fetch_pictures.sh FOLDER}
mkdir -p "$folder"
cd "$folder"
python3 -m pip download --quiet --no-deps --no-binary pillow pillow==12.3.0
sha256sum -c - <<SUMS
3b8182a766685eaa002637e28b4ec8d6b18819a0c71f579bf0dbaa5830297cce  pillow-12.3.0.tar.gz
SUMS
tar xf pillow-12.3.0.tar.gz
apt-get download libjxl-testdata
dpkg -x libjxl-testdata_*.deb libjxl-testdata
