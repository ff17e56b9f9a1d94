# SPDX-License-Identifier: GPL-2.0
#
# For NixOS, not built there yet. As a module:
#	systemd.packages = [ pmdswap ]; services.dbus.packages = [ pmdswap ];
#	systemd.services.pmdswapd.wantedBy = [ "multi-user.target" ];
#	environment.etc."pmdswapd.conf".text = "...";
{ stdenv, meson, ninja, pkg-config, systemd, inih, jansson, libnl }:
stdenv.mkDerivation {
  pname = "pmdswap";
  version = "0.1.0";
  src = ../.;
  nativeBuildInputs = [ meson ninja pkg-config ];
  buildInputs = [ systemd inih jansson libnl ];
  mesonFlags = [
    "-Dtests=disabled"
    "-Dsystemdsystemunitdir=${placeholder "out"}/lib/systemd/system"
    "-Dcatalogdir=${placeholder "out"}/lib/systemd/catalog"
    "--sysconfdir=${placeholder "out"}/etc"
  ];
}
