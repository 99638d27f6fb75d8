struct Elsewhere {
    long x[7];
    Elsewhere(int a);
};
