package windfall.peer;

/** What every write answers: 0 and OK, or a negative code and its name. */
record Answer(int code, String message) {
  static final Answer OK = new Answer(0, "OK");
}
