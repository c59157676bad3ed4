# The function's name of each symbol, without what changes with every compiler and every source: the hash
# behind a name, those of crates, and what C compilers add when they have changed a function. Without `only`
# "name symbol" of each; with it, the symbols of those whose name the file `only` has.
BEGIN {
    while (only != "" && (getline line < only) > 0) if (line !~ /^#/) wanted[line] = 1
}
{
    symbol = name = $NF
    sub(/17h[0-9a-f]+E.*$/, "", name)
    sub(/\.(isra|constprop|part|cold|llvm)\..*$/, "", name)
    gsub(/Cs[0-9A-Za-z]+_/, "Cs_", name)
    if (only == "") print name, symbol
    else if (name in wanted) print symbol
}
