# What tests of documents share: read with `.` behind cli.sh.

# document_blocks FILE LANGUAGE: all blocks of that language.
document_blocks() {
    awk -v open="\`\`\`$2" '$0 == "```" { inside = 0 } inside { print } $0 == open { inside = 1 }' "$1"
}

# document_command CODES LINE: runs a line as a reader would, with the program that is tested in the place of
# `paretune`; its exit status must be one of CODES. Output in out and err.
document_command() {
    code=0
    line=$(printf '%s\n' "$2" | sed 's/^paretune/"$bin"/')
    eval "$line" >out 2>err </dev/null || code=$? # a redirection of the line's own comes first
    case " $1 " in *" $code "*) ;; *) fail "'$2': exit $code instead of $1" ;; esac
}
