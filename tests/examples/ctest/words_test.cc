#include "words.h"

#include <gtest/gtest.h>
#include <trace.h>

TEST(Words, Counts)
{
    std::string text;
    for (int i = 0; i < 10000; i++)
        text += "word" + std::to_string(i % 100) + " and ";
    auto counts = count_words(text);
    EXPECT_EQ(counts["and"], 10000);
    EXPECT_EQ(counts["word7"], 100);
}

TEST(Words, OfNothing)
{
    EXPECT_TRUE(count_words("").empty());
}

// Each test's begin and end become marks: trace-report ... --from Words.Counts --to 'Words.Counts ends'.
class Marks : public testing::EmptyTestEventListener {
    static std::string name(const testing::TestInfo &test)
    {
        return std::string(test.test_suite_name()) + "." + test.name();
    }
    void OnTestStart(const testing::TestInfo &test) override { trace_mark(name(test).c_str()); }
    void OnTestEnd(const testing::TestInfo &test) override { trace_mark((name(test) + " ends").c_str()); }
};

int main(int argc, char **argv)
{
    testing::InitGoogleTest(&argc, argv);
    testing::UnitTest::GetInstance()->listeners().Append(new Marks);
    return RUN_ALL_TESTS();
}
