package maildir

// infoSeparator stands between the base of a file name and the flags. Windows
// allows no colon in file names.
const infoSeparator = ";2,"
